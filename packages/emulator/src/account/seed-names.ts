// What `seed` may create: names, and what must not exist, or be otherwise.
import { iotArn, roleAliasArn, roleArn } from '../names/arns.ts';
import { lookUp } from '../state/look-up.ts';
import type { State } from '../state/state.ts';
import { alreadyExistsError } from './context.ts';

/** What is wanted for a thing. */
export interface Wanted {
  readonly thingName: string;
  readonly roleAlias: string;
  /** Undefined: as it is. */
  readonly durationSeconds: number | undefined;
}

const MAX_ROLE_NAME = 64;
const MAX_POLICY_NAME = 128;

/** The names of the role and the policy for a role alias. */
export function seedNames(roleAlias: string): { roleName: string; policyName: string } {
  return {
    roleName: `${roleAlias.slice(0, MAX_ROLE_NAME - '-role'.length)}-role`,
    policyName: `${roleAlias.slice(0, MAX_POLICY_NAME - '-policy'.length)}-policy`,
  };
}

/** The name for a thing without one. */
export function freeThingName({ things }: State): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? 'my-thing' : `my-thing-${number}`;
    if (lookUp(things, name) === undefined) return name;
  }
}

/**
 * Checks that there is no such thing, and that a role alias or role that exists has the duration.
 *
 * @throws {@link EmulatorError} `ResourceAlreadyExistsException`
 */
export function checkFree(state: State, wanted: Wanted): void {
  const { thingName, roleAlias, durationSeconds } = wanted;
  const thing = lookUp(state.things, thingName);
  if (thing !== undefined) {
    throw alreadyExistsError(`thing ${thingName} already exists`, {
      resourceArn: iotArn(state, `thing/${thingName}`),
      resourceId: thing.thingId,
    });
  }
  if (durationSeconds === undefined) return;
  const alias = lookUp(state.roleAliases, roleAlias);
  if (alias !== undefined && alias.credentialDurationSeconds !== durationSeconds) {
    const { credentialDurationSeconds: seconds } = alias;
    const message = `role alias ${roleAlias} already exists, with a duration of ${seconds} seconds`;
    const resourceArn = roleAliasArn(state, roleAlias);
    throw alreadyExistsError(message, { resourceArn, resourceId: roleAlias });
  }
  const { roleName } = seedNames(roleAlias);
  const role = lookUp(state.roles, roleName);
  if (role !== undefined && role.maxSessionDuration < durationSeconds) {
    const message = `role ${roleName} already exists, with a maximum session duration of ${role.maxSessionDuration} seconds`;
    const resourceArn = roleArn(state, roleName, role.path);
    throw alreadyExistsError(message, { resourceArn, resourceId: role.roleId });
  }
}
