import { EmulatorError } from '../errors.ts';
import { iotArn, thingGroupArn } from '../names/arns.ts';
import {
  type Certificate,
  lookUp,
  type Role,
  type State,
  type Thing,
  type ThingGroup,
} from '../state/state.ts';
import type { Store } from '../state/store.ts';

/** What the operations of an account work on. */
export interface OperationContext {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** An error of AWS, by its name. */
export function failure(code: string, message: string, cause?: unknown): EmulatorError {
  return new EmulatorError(message, { code, cause });
}

/** The error for what is not there. */
export function missing(what: string): EmulatorError {
  return failure('ResourceNotFoundException', `${what} does not exist`);
}

/** The error for what is there already. */
export function present(what: string): EmulatorError {
  return failure('ResourceAlreadyExistsException', `${what} already exists`);
}

/** A registered certificate by its id. */
export function getCertificate(state: State, id: string): Certificate {
  const certificate = lookUp(state.certificates, id);
  if (certificate === undefined) throw missing(`certificate ${id}`);
  return certificate;
}

/** A registered certificate by its ARN. */
export function getPrincipal(state: State, principal: string): Certificate {
  const prefix = iotArn(state, 'cert/');
  if (!principal.startsWith(prefix)) throw missing(`principal ${principal}`);
  return getCertificate(state, principal.slice(prefix.length));
}

/** The thing group that an ARN names, if it names one. */
export function findThingGroup(state: State, arn: string): ThingGroup | undefined {
  const prefix = thingGroupArn(state, '');
  return arn.startsWith(prefix) ? getThingGroup(state, arn.slice(prefix.length)) : undefined;
}

/** A thing group by its name. */
export function getThingGroup(state: State, name: string): ThingGroup {
  const group = lookUp(state.thingGroups, name);
  if (group === undefined) throw missing(`thing group ${name}`);
  return group;
}

/** A thing by its name. */
export function getThing(state: State, name: string): Thing {
  const thing = lookUp(state.things, name);
  if (thing === undefined) throw missing(`thing ${name}`);
  return thing;
}

/** A role by its name. */
export function getRole(state: State, name: string): Role {
  const role = lookUp(state.roles, name);
  if (role === undefined) {
    throw failure('NoSuchEntity', `The role with name ${name} cannot be found.`);
  }
  return role;
}

/** A list with an item, once. */
export function withItem(list: readonly string[] = [], item: string): readonly string[] {
  return list.includes(item) ? list : [...list, item];
}

/** A list without an item. */
export function withoutItem(list: readonly string[] = [], item: string): readonly string[] {
  return list.filter((other) => other !== item);
}

const MAX_SECONDS = 43_200;

/** Checks a duration in seconds. */
export function checkSeconds(name: string, value: number, least: number, code: string): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_SECONDS) return;
  throw failure(
    code,
    `${name} must be a whole number from ${least} to ${MAX_SECONDS}, and is ${value}`,
  );
}
