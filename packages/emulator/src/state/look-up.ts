import { roleArn } from '../names/arns.ts';
import { isSameIamName } from '../names/check-name.ts';
import type { Policy, Role, ThingGroup } from './records.ts';
import type { State } from './state.ts';

/** Looks up an external name, which may be one that every object has, such as `constructor`. */
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

/** Returns the role with an ARN, if any. */
export function findRoleByArn(state: State, arn: string): Role | undefined {
  const role = lookUp(state.roles, arn.slice(arn.lastIndexOf('/') + 1));
  return role && arn === roleArn(state, role.roleName, role.path) ? role : undefined;
}

/** Whether there is a role whose name differs in case at most: IAM takes no other one. */
export function isRoleNameTaken(state: State, roleName: string): boolean {
  return Object.keys(state.roles).some((name) => isSameIamName(name, roleName));
}

/** Returns the document of a policy's default version. */
export function defaultDocument({ versions, defaultVersionId }: Policy): string {
  return versions.find(({ versionId }) => versionId === defaultVersionId)?.policyDocument ?? '';
}
