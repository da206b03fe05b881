import { roleArn } from '../names/arns.ts';
import type { Policy, Role, ThingGroup } from './records.ts';
import type { State } from './state.ts';

/** Looks up a name that came from outside, which may be one that every object has, such as `constructor`. */
export function lookUp<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Returns a group and the groups above it, from the root down. */
export function withParentGroups(state: State, thingGroupName: string): readonly ThingGroup[] {
  const group = lookUp(state.thingGroups, thingGroupName);
  if (group === undefined) return [];
  const { parentGroupName } = group;
  return parentGroupName === undefined
    ? [group]
    : [...withParentGroups(state, parentGroupName), group];
}

/** Returns the role that an ARN names, if there is one. */
export function findRoleByArn(state: State, arn: string): Role | undefined {
  const role = lookUp(state.roles, arn.slice(arn.lastIndexOf('/') + 1));
  return role && arn === roleArn(state, role.roleName, role.path) ? role : undefined;
}

/** Returns the document of a policy's default version: the one that is evaluated. */
export function defaultDocument({ versions, defaultVersionId }: Policy): string {
  return versions.find(({ versionId }) => versionId === defaultVersionId)?.policyDocument ?? '';
}
