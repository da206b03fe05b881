import { isDeepStrictEqual } from 'node:util';
import { thingGroupArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { lookUp, makeId, type ThingGroup, withParentGroups } from '../state/state.ts';
import {
  failure,
  getThing,
  getThingGroup,
  type OperationContext,
  present,
  withItem,
  withoutItem,
} from './context.ts';

/** Operations of AWS IoT on thing groups. */
export interface ThingGroupOperations {
  /** The same group may be made again; one of that name that differs is a conflict. */
  createThingGroup(input: {
    thingGroupName: string;
    parentGroupName?: string | undefined;
    description?: string | undefined;
    attributes?: Readonly<Record<string, string>> | undefined;
  }): { thingGroupName: string; thingGroupArn: string; thingGroupId: string };
  describeThingGroup(input: { thingGroupName: string }): ThingGroup & {
    readonly thingGroupArn: string;
    /** The names of the groups above it, from the root down. */
    readonly rootToParent: readonly string[];
  };
  /** Its things stay; a group with groups below it stays, too. Nothing happens where there is no such group. */
  deleteThingGroup(input: { thingGroupName: string }): void;
  /**
   * The names of groups: all, or without `recursive` those that have no parent; or those below `parentGroup`, with
   * `recursive` at any depth.
   */
  listThingGroups(input?: {
    parentGroup?: string | undefined;
    recursive?: boolean | undefined;
  }): readonly string[];
  addThingToThingGroup(input: { thingName: string; thingGroupName: string }): void;
  removeThingFromThingGroup(input: { thingName: string; thingGroupName: string }): void;
  /** The names of the things in a group, with `recursive` also of those in the groups below it. */
  listThingsInThingGroup(input: {
    thingGroupName: string;
    recursive?: boolean | undefined;
  }): readonly string[];
  /** The names of the groups that a thing is in. */
  listThingGroupsForThing(input: { thingName: string }): readonly string[];
}

/** The operations on thing groups over the stored state. */
export function thingGroupOperations({ store, now }: OperationContext): ThingGroupOperations {
  const { state } = store;
  const isIn = (thingGroupName: string, ancestor: string) =>
    withParentGroups(state, thingGroupName).some((group) => group.thingGroupName === ancestor);
  const changeMembership = (thingName: string, thingGroupName: string, change: typeof withItem) => {
    getThingGroup(state, thingGroupName);
    const thing = getThing(state, thingName);
    const thingGroupNames = change(thing.thingGroupNames, thingGroupName);
    store.put('things', thingName, { ...thing, thingGroupNames });
  };
  const operations: ThingGroupOperations = {
    createThingGroup({ thingGroupName, parentGroupName, description, attributes = {} }) {
      checkName('thing name', thingGroupName);
      if (parentGroupName !== undefined) getThingGroup(state, parentGroupName);
      const existing = lookUp(state.thingGroups, thingGroupName);
      const properties = {
        ...(parentGroupName !== undefined && { parentGroupName }),
        ...(description !== undefined && { description }),
        ...(Object.keys(attributes).length > 0 && { attributes }),
      };
      const thingGroupId = existing?.thingGroupId ?? makeId();
      if (existing === undefined) {
        store.put('thingGroups', thingGroupName, {
          thingGroupName,
          thingGroupId,
          policyNames: [],
          creationMs: now(),
          ...properties,
        });
      } else {
        const { thingGroupName: _, thingGroupId: __, policyNames, creationMs, ...old } = existing;
        if (!isDeepStrictEqual(old, properties)) {
          throw present(`thing group ${thingGroupName}, with other properties,`);
        }
      }
      return { thingGroupName, thingGroupId, thingGroupArn: thingGroupArn(state, thingGroupName) };
    },
    describeThingGroup({ thingGroupName }) {
      return {
        ...getThingGroup(state, thingGroupName),
        thingGroupArn: thingGroupArn(state, thingGroupName),
        rootToParent: withParentGroups(state, thingGroupName)
          .slice(0, -1)
          .map((group) => group.thingGroupName),
      };
    },
    deleteThingGroup({ thingGroupName }) {
      if (lookUp(state.thingGroups, thingGroupName) === undefined) return;
      if (operations.listThingGroups({ parentGroup: thingGroupName }).length > 0) {
        throw failure(
          'InvalidRequestException',
          `Cannot delete thing group ${thingGroupName} when there are still child groups attached to it`,
        );
      }
      const thingNames = operations.listThingsInThingGroup({ thingGroupName });
      store.batch(() => {
        for (const thingName of thingNames) {
          changeMembership(thingName, thingGroupName, withoutItem);
        }
        store.remove('thingGroups', thingGroupName);
      });
    },
    listThingGroups({ parentGroup, recursive = parentGroup === undefined } = {}) {
      if (parentGroup !== undefined) getThingGroup(state, parentGroup);
      const isWanted = ({ thingGroupName, parentGroupName }: ThingGroup) => {
        if (!recursive) return parentGroupName === parentGroup;
        if (parentGroup === undefined) return true;
        return thingGroupName !== parentGroup && isIn(thingGroupName, parentGroup);
      };
      return Object.values(state.thingGroups)
        .filter(isWanted)
        .map(({ thingGroupName }) => thingGroupName);
    },
    addThingToThingGroup({ thingName, thingGroupName }) {
      changeMembership(thingName, thingGroupName, withItem);
    },
    removeThingFromThingGroup({ thingName, thingGroupName }) {
      changeMembership(thingName, thingGroupName, withoutItem);
    },
    listThingsInThingGroup({ thingGroupName, recursive = false }) {
      getThingGroup(state, thingGroupName);
      return Object.values(state.things)
        .filter(({ thingGroupNames = [] }) =>
          thingGroupNames.some(
            (name) => name === thingGroupName || (recursive && isIn(name, thingGroupName)),
          ),
        )
        .map(({ thingName }) => thingName);
    },
    listThingGroupsForThing({ thingName }) {
      return getThing(state, thingName).thingGroupNames ?? [];
    },
  };
  return operations;
}
