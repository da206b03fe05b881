import { isDeepStrictEqual } from 'node:util';
import { thingGroupArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeId } from '../names/ids.ts';
import { lookUp, withParentGroups } from '../state/look-up.ts';
import type { ThingGroup } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  getThing,
  getThingGroup,
  type OperationContext,
} from './context.ts';

/** Operations of AWS IoT on thing groups. */
export interface ThingGroupOperations {
  /**
   * Creates a thing group. Called again with the same properties, it returns the group that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, `ResourceNotFoundException`
   * for a parent that does not exist, `ResourceAlreadyExistsException` for a group of that name with other properties
   */
  createThingGroup(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingGroupName: string;
    /** Default: the group has no parent. */
    parentGroupName?: string | undefined;
    /** Default: none. */
    description?: string | undefined;
    /** Values by name. Default: none. */
    attributes?: Readonly<Record<string, string>> | undefined;
  }): { thingGroupName: string; thingGroupArn: string; thingGroupId: string };
  /**
   * Returns a thing group.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeThingGroup(input: { thingGroupName: string }): ThingGroup & {
    readonly thingGroupArn: string;
    /** The names of the groups above it, from the root down. */
    readonly rootToParent: readonly string[];
  };
  /**
   * Deletes a thing group; its things stay. Does nothing if the group does not exist.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` while there are groups below it
   */
  deleteThingGroup(input: { thingGroupName: string }): void;
  /**
   * Returns the names of groups: of all, or without `recursive` of those that have no parent; or of those below
   * `parentGroup`, with `recursive` at any depth. They are sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` for a parent that does not exist
   */
  listThingGroups(input?: {
    /** Default: none. */
    parentGroup?: string | undefined;
    /** Default: true without `parentGroup`, false with it. */
    recursive?: boolean | undefined;
  }): readonly string[];
  /**
   * Adds a thing to a group. Does nothing if the thing is already in it.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` if one of them does not exist
   */
  addThingToThingGroup(input: { thingName: string; thingGroupName: string }): void;
  /**
   * Removes a thing from a group. Does nothing if the thing is not in it.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` if one of them does not exist
   */
  removeThingFromThingGroup(input: { thingName: string; thingGroupName: string }): void;
  /**
   * Returns the names of the things in a group, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listThingsInThingGroup(input: {
    thingGroupName: string;
    /** Adds the things in the groups below it. Default false. */
    recursive?: boolean | undefined;
  }): readonly string[];
  /**
   * Returns the names of the groups that a thing is in, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listThingGroupsForThing(input: { thingName: string }): readonly string[];
}

/** The operations on thing groups over the stored state. */
export function thingGroupOperations({ store, now }: OperationContext): ThingGroupOperations {
  const { state } = store;
  const isIn = (thingGroupName: string, ancestor: string) =>
    withParentGroups(state, thingGroupName).some((group) => group.thingGroupName === ancestor);
  const membership = (thingName: string, thingGroupName: string) => {
    getThingGroup(state, thingGroupName);
    return ['thingMemberships', getThing(state, thingName).thingName, thingGroupName] as const;
  };
  const operations: ThingGroupOperations = {
    createThingGroup({ thingGroupName, parentGroupName, description, attributes = {} }) {
      checkName('thing name', thingGroupName);
      if (parentGroupName !== undefined) getThingGroup(state, parentGroupName);
      const existing = lookUp(state.thingGroups, thingGroupName);
      const properties = {
        ...(parentGroupName !== undefined && { parentGroupName }),
        ...(description !== undefined && { description }),
        attributes: { ...attributes },
      };
      const thingGroupId = existing?.thingGroupId ?? makeId();
      if (existing === undefined) {
        store.put('thingGroups', thingGroupName, {
          thingGroupName,
          thingGroupId,
          ...properties,
          creationMs: now(),
        });
      } else {
        const { thingGroupName: _, thingGroupId: __, creationMs, ...old } = existing;
        if (!isDeepStrictEqual(old, properties)) {
          throw alreadyExistsError(`thing group ${thingGroupName}, with other properties,`);
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
        throw awsError(
          'InvalidRequestException',
          `Cannot delete thing group ${thingGroupName} when there are still child groups attached to it`,
        );
      }
      store.remove('thingGroups', thingGroupName);
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
        .map(({ thingGroupName }) => thingGroupName)
        .sort();
    },
    addThingToThingGroup({ thingName, thingGroupName }) {
      store.link(...membership(thingName, thingGroupName));
    },
    removeThingFromThingGroup({ thingName, thingGroupName }) {
      store.unlink(...membership(thingName, thingGroupName));
    },
    listThingsInThingGroup({ thingGroupName, recursive = false }) {
      getThingGroup(state, thingGroupName);
      const groups = recursive
        ? Object.keys(state.thingGroups).filter((name) => isIn(name, thingGroupName))
        : [thingGroupName];
      return [
        ...new Set(groups.flatMap((name) => [...state.thingMemberships.sourcesOf(name)])),
      ].sort();
    },
    listThingGroupsForThing({ thingName }) {
      getThing(state, thingName);
      return [...state.thingMemberships.targetsOf(thingName)].sort();
    },
  };
  return operations;
}
