import { isDeepStrictEqual } from 'node:util';
import { thingGroupArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeId } from '../names/ids.ts';
import { lookUp, withParentGroups } from '../state/look-up.ts';
import { keysInOrder } from '../state/ordered.ts';
import type { ThingGroup } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  checkVersion,
  getThingGroup,
  nonEmpty,
  type OperationContext,
} from './context.ts';
import { IOT_TAGS, type TagInput, taggedWith } from './tags.ts';
import { isInGroup } from './thing-memberships.ts';

/** Operations of AWS IoT on thing groups. */
export interface ThingGroupOperations {
  /**
   * Creates a thing group. Called again with the same properties, it returns the group that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, more than 50 attributes, a
   * hierarchy deeper than 7 groups, or a parent with 100 groups directly below it, `ResourceNotFoundException` for a
   * parent that does not exist, `ResourceAlreadyExistsException` for a group of that name with other properties
   */
  createThingGroup(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingGroupName: string;
    /** Default: the group has no parent. */
    parentGroupName?: string | undefined;
    /** Default: none. */
    description?: string | undefined;
    /** Values by name, at most 50. Default: none. */
    attributes?: Readonly<Record<string, string>> | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): { thingGroupName: string; thingGroupArn: string; thingGroupId: string };
  /**
   * Returns a thing group.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeThingGroup(input: { thingGroupName: string }): ThingGroup & {
    /** Counts the changes of the group by `updateThingGroup`, from 1. */
    readonly version: number;
    readonly thingGroupArn: string;
    /** The names of the groups above it, from the root down. */
    readonly rootToParent: readonly string[];
  };
  /**
   * Changes the properties of a thing group. Omitted members are unchanged.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `InvalidRequestException` for more than 50 attributes,
   * `VersionConflictException` if its version is not the expected one
   */
  updateThingGroup(input: {
    thingGroupName: string;
    /** Default: unchanged. */
    description?: string | undefined;
    /** Values by name; an empty one is removed. Default: unchanged. */
    attributes?: Readonly<Record<string, string>> | undefined;
    /** True: `attributes` are added to those of the group. Default false: they replace them. */
    merge?: boolean | undefined;
    /** The version that the group must have. Default: any. */
    expectedVersion?: number | undefined;
  }): { version: number };
  /**
   * Deletes a thing group; its things stay. Does nothing if the group does not exist.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` while there are groups below it,
   * `VersionConflictException` if its version is not the expected one
   */
  deleteThingGroup(input: {
    thingGroupName: string;
    /** The version that the group must have. Default: any. */
    expectedVersion?: number | undefined;
  }): void;
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
}

// AWS General Reference, "AWS IoT Core endpoints and quotas".
const MAX_DEPTH = 7;
const MAX_CHILDREN = 100;
const MAX_ATTRIBUTES = 50;

/** The operations on thing groups over the stored state. */
export function thingGroupOperations({ store, now }: OperationContext): ThingGroupOperations {
  const { state } = store;
  const checkPlace = (parentGroupName: string | undefined) => {
    if (parentGroupName === undefined) return;
    if (withParentGroups(state, parentGroupName).length >= MAX_DEPTH) {
      throw awsError(
        'InvalidRequestException',
        `A thing group hierarchy can have at most ${MAX_DEPTH} levels`,
      );
    }
    const { length } = operations.listThingGroups({ parentGroup: parentGroupName });
    if (length >= MAX_CHILDREN) {
      throw awsError(
        'InvalidRequestException',
        `Thing group ${parentGroupName} already has the maximum number of child groups (${MAX_CHILDREN})`,
      );
    }
  };
  const operations: ThingGroupOperations = {
    createThingGroup({ thingGroupName, parentGroupName, description, attributes = {}, tags }) {
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
        checkAttributeCount(attributes);
        checkPlace(parentGroupName);
        store.put('thingGroups', thingGroupName, {
          thingGroupName,
          thingGroupId,
          ...properties,
          version: 1,
          ...taggedWith(IOT_TAGS, tags),
          creationMs: now(),
        });
      } else {
        const { parentGroupName: parent, description: text, attributes: values } = existing;
        const isSame =
          parent === parentGroupName &&
          text === description &&
          isDeepStrictEqual(values, properties.attributes);
        if (!isSame) {
          throw alreadyExistsError(
            `Thing Group ${thingGroupName} already exists in current account with different properties`,
            { resourceArn: thingGroupArn(state, thingGroupName), resourceId: thingGroupId },
          );
        }
      }
      return { thingGroupName, thingGroupId, thingGroupArn: thingGroupArn(state, thingGroupName) };
    },
    describeThingGroup({ thingGroupName }) {
      const group = getThingGroup(state, thingGroupName);
      return {
        ...group,
        version: versionOf(group),
        thingGroupArn: thingGroupArn(state, thingGroupName),
        rootToParent: withParentGroups(state, thingGroupName)
          .slice(0, -1)
          .map((group) => group.thingGroupName),
      };
    },
    updateThingGroup({ thingGroupName, description, attributes, merge, expectedVersion }) {
      const group = getThingGroup(state, thingGroupName);
      checkVersion(`thing group ${thingGroupName}`, versionOf(group), expectedVersion);
      const version = versionOf(group) + 1;
      const changed =
        attributes === undefined || merge ? { ...group.attributes, ...attributes } : attributes;
      const newAttributes = nonEmpty(changed);
      checkAttributeCount(newAttributes);
      store.put('thingGroups', thingGroupName, {
        ...group,
        version,
        ...(description !== undefined && { description }),
        attributes: newAttributes,
      });
      return { version };
    },
    deleteThingGroup({ thingGroupName, expectedVersion }) {
      const group = lookUp(state.thingGroups, thingGroupName);
      if (group === undefined) return;
      checkVersion(`thing group ${thingGroupName}`, versionOf(group), expectedVersion);
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
      const names = keysInOrder(state.thingGroups);
      if (recursive && parentGroup === undefined) return names;
      return names.filter((name) =>
        recursive && parentGroup !== undefined
          ? name !== parentGroup && isInGroup(state, name, parentGroup)
          : lookUp(state.thingGroups, name)?.parentGroupName === parentGroup,
      );
    },
  };
  return operations;
}

function versionOf({ version = 1 }: ThingGroup): number {
  return version;
}

function checkAttributeCount(attributes: object): void {
  if (Object.keys(attributes).length <= MAX_ATTRIBUTES) return;
  throw awsError(
    'InvalidRequestException',
    `Only ${MAX_ATTRIBUTES} attributes are allowed for a thing group.`,
  );
}
