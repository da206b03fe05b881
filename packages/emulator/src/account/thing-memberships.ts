import { withParentGroups } from '../state/look-up.ts';
import { sorted } from '../state/ordered.ts';
import type { State } from '../state/state.ts';
import { awsError, getThing, getThingGroup, type OperationContext } from './context.ts';

/** Operations of AWS IoT on the things in thing groups. */
export interface ThingMembershipOperations {
  /**
   * Adds a thing to a group. Does nothing if the thing is already in it.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` if one of them does not exist,
   * `InvalidRequestException` if the thing is in ten groups, or in another group of the same hierarchy
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

// AWS General Reference, "AWS IoT Core endpoints and quotas".
const MAX_GROUPS_OF_THING = 10;

/** The operations on memberships over the stored state. */
export function thingMembershipOperations({ store }: OperationContext): ThingMembershipOperations {
  const { state } = store;
  const groupsOf = (thingName: string) => {
    getThing(state, thingName);
    return sorted(state.thingMemberships.targetsOf(thingName));
  };
  const membership = (thingName: string, thingGroupName: string) => {
    getThingGroup(state, thingGroupName);
    return ['thingMemberships', getThing(state, thingName).thingName, thingGroupName] as const;
  };
  const rootOf = (thingGroupName: string) => withParentGroups(state, thingGroupName)[0];
  const checkMembership = (thingName: string, thingGroupName: string) => {
    getThingGroup(state, thingGroupName);
    const groups = groupsOf(thingName);
    if (groups.includes(thingGroupName)) return;
    if (groups.length >= MAX_GROUPS_OF_THING) {
      throw awsError(
        'InvalidRequestException',
        `Thing ${thingName} is already in the maximum number of thing groups (${MAX_GROUPS_OF_THING})`,
      );
    }
    const root = rootOf(thingGroupName);
    const relative = groups.find((name) => rootOf(name) === root);
    if (relative !== undefined) {
      throw awsError(
        'InvalidRequestException',
        `Thing ${thingName} is already in thing group ${relative}, which is in the same hierarchy as ${thingGroupName}`,
      );
    }
  };
  return {
    addThingToThingGroup({ thingName, thingGroupName }) {
      checkMembership(thingName, thingGroupName);
      store.link(...membership(thingName, thingGroupName));
    },
    removeThingFromThingGroup({ thingName, thingGroupName }) {
      store.unlink(...membership(thingName, thingGroupName));
    },
    listThingsInThingGroup({ thingGroupName, recursive = false }) {
      getThingGroup(state, thingGroupName);
      const thingsOf = (name: string) => sorted(state.thingMemberships.sourcesOf(name));
      if (!recursive) return thingsOf(thingGroupName);
      const groups = Object.keys(state.thingGroups).filter((name) =>
        isInGroup(state, name, thingGroupName),
      );
      return [...new Set(groups.flatMap(thingsOf))].sort();
    },
    listThingGroupsForThing({ thingName }) {
      return groupsOf(thingName);
    },
  };
}

/** Whether a group is another one, or below it. */
export function isInGroup(state: State, thingGroupName: string, ancestor: string): boolean {
  return withParentGroups(state, thingGroupName).some((group) => group.thingGroupName === ancestor);
}
