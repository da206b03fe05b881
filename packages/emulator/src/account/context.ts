import { EmulatorError } from '../errors.ts';
import { iotArn, thingGroupArn } from '../names/arns.ts';
import { lookUp } from '../state/look-up.ts';
import type { Certificate, Role, Thing, ThingGroup, ThingType } from '../state/records.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';

/** The dependencies of the operations of an account. */
export interface OperationContext {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** An error of AWS, by its name. */
export function awsError(code: string, message: string, cause?: unknown): EmulatorError {
  return new EmulatorError(message, { code, cause });
}

/** The error for a missing resource. */
export function notFoundError(what: string): EmulatorError {
  return awsError('ResourceNotFoundException', `${what} does not exist`);
}

/** The error for a resource that already exists, which AWS IoT names by ARN and id. */
export function alreadyExistsError(
  message: string,
  details: { readonly resourceArn: string; readonly resourceId: string },
): EmulatorError {
  return new EmulatorError(message, { code: 'ResourceAlreadyExistsException', details });
}

/**
 * Checks the version that a caller expects.
 *
 * @param what - the resource, such as `thing x`
 * @param expected - undefined: any
 * @throws {@link EmulatorError} `VersionConflictException`
 */
export function checkVersion(what: string, version: number, expected: number | undefined): void {
  if (expected === undefined || expected === version) return;
  throw awsError(
    'VersionConflictException',
    `The version for ${what} does not match the expected version.`,
  );
}

/** The error for a quota of IAM. */
export function quotaError(quota: string, limit: number): EmulatorError {
  return awsError('LimitExceeded', `Cannot exceed quota for ${quota}: ${limit}`);
}

/** Returns a registered certificate by its id. */
export function getCertificate(state: State, id: string): Certificate {
  const certificate = lookUp(state.certificates, id);
  if (certificate === undefined) throw notFoundError(`certificate ${id}`);
  return certificate;
}

/** Returns a registered certificate by its ARN. */
export function getPrincipal(state: State, principal: string): Certificate {
  const prefix = iotArn(state, 'cert/');
  if (!principal.startsWith(prefix)) throw notFoundError(`principal ${principal}`);
  return getCertificate(state, principal.slice(prefix.length));
}

/** Returns the thing group that an ARN names, if it names one. */
export function findThingGroup(state: State, arn: string): ThingGroup | undefined {
  const prefix = thingGroupArn(state, '');
  return arn.startsWith(prefix) ? getThingGroup(state, arn.slice(prefix.length)) : undefined;
}

/** Returns a thing group by its name. */
export function getThingGroup(state: State, name: string): ThingGroup {
  const group = lookUp(state.thingGroups, name);
  if (group === undefined) throw notFoundError(`thing group ${name}`);
  return group;
}

/** Returns a thing by its name. */
export function getThing(state: State, name: string): Thing {
  const thing = lookUp(state.things, name);
  if (thing === undefined) throw notFoundError(`thing ${name}`);
  return thing;
}

/** Returns a thing type by its name. */
export function getThingType(state: State, name: string): ThingType {
  const type = lookUp(state.thingTypes, name);
  if (type === undefined) throw notFoundError(`thing type ${name}`);
  return type;
}

/** Returns a role by its name. */
export function getRole(state: State, name: string): Role {
  const role = lookUp(state.roles, name);
  if (role === undefined) {
    throw awsError('NoSuchEntity', `The role with name ${name} cannot be found.`);
  }
  return role;
}

/** Returns the attributes that are stored: AWS IoT does not store empty ones. */
export function nonEmpty(
  attributes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}

/** Returns a list with an item, once. */
export function withItem(list: readonly string[], item: string): readonly string[] {
  return list.includes(item) ? list : [...list, item];
}

/** Returns a list without an item. */
export function withoutItem(list: readonly string[], item: string): readonly string[] {
  return list.filter((other) => other !== item);
}

const MAX_SECONDS = 43_200;

/** Checks a duration in seconds. */
export function checkSeconds(name: string, value: number, least: number, code: string): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_SECONDS) return;
  throw awsError(
    code,
    `${name} must be a whole number from ${least} to ${MAX_SECONDS}, got ${value}`,
  );
}
