import { EmulatorError } from '../../errors.ts';
import { isObject } from '../../json.ts';

/** Validates an external value as an input of an operation; throws an {@link EmulatorError}. */
export interface Check<T> {
  (value: unknown, name: string): T;
  /** Of a structure, or a list of structures: the declared members. */
  readonly members?: Checks;
}

/** The members of a structure, by name. */
export type Checks = Readonly<Record<string, Check<unknown>>>;

/** The validated members of a structure. */
export type Checked<C extends Checks> = {
  readonly [Name in keyof C]: C[Name] extends Check<infer T> ? T : never;
};

/** The location of a member in a request (AWS's restJson1 protocol). */
export interface Member<T> {
  readonly from: 'uri' | 'query' | 'header' | 'body';
  /** Its name there. Default: the member's name. */
  readonly wireName?: string | undefined;
  readonly check: Check<T>;
}

/** The members of a request, by name. */
export type Members = Readonly<Record<string, Member<unknown>>>;

/** The validated members. */
export type Input<M extends Members> = {
  readonly [Name in keyof M]: M[Name] extends Member<infer T> ? T : never;
};

/** Length and pattern of a string. */
export interface TextRules {
  readonly min?: number;
  readonly max?: number;
  /** Matches the whole string. */
  readonly pattern?: RegExp;
  readonly values?: readonly string[];
}

/** A required string. */
export function text({
  min = 0,
  max = Number.POSITIVE_INFINITY,
  pattern,
  values,
}: TextRules): Check<string> {
  return (value, name) => {
    if (value === undefined || value === null)
      throw invalid(name, value, 'Member must not be null');
    if (typeof value !== 'string') throw invalid(name, value, 'Member must be a string');
    if (value.length < min) {
      throw invalid(name, value, `Member must have length greater than or equal to ${min}`);
    }
    if (value.length > max) {
      throw invalid(name, value, `Member must have length less than or equal to ${max}`);
    }
    if (pattern && !pattern.test(value)) {
      throw invalid(
        name,
        value,
        `Member must satisfy regular expression pattern: ${pattern.source}`,
      );
    }
    if (values && !values.includes(value)) {
      throw invalid(name, value, `Member must satisfy enum value set: [${values.join(', ')}]`);
    }
    return value;
  };
}

/** One of several strings. */
export function oneOf<const T extends string>(values: readonly T[]): Check<T> {
  const check = text({ values });
  return (value, name) => check(value, name) as T;
}

/** A whole number; a string in a query. */
export function integer({ min, max }: { min: number; max: number }): Check<number> {
  return (value, name) => {
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) {
      return number;
    }
    throw invalid(name, value, `Member must be a whole number from ${min} to ${max}`);
  };
}

/** True or false; a string in a query. */
export const flag: Check<boolean> = (value, name) => {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw invalid(name, value, 'Member must be true or false');
};

/** A JSON object with any members. */
export const structure: Check<Readonly<Record<string, unknown>>> = (value, name) => {
  if (isObject(value)) return value;
  throw invalid(name, value, 'Member must be a structure');
};

/** A JSON object with these members; any other is refused. */
export function structureOf<const C extends Checks>(members: C): Check<Checked<C>> {
  const check = (value: unknown, name: string) => {
    const given = structure(value, name);
    refuseOthers(given, members, `${name}.`);
    return checkAll(members, given, `${name}.`);
  };
  return Object.assign(check, { members });
}

/** A list of up to `max` items. */
export function listOf<T>(item: Check<T>, max: number): Check<readonly T[]> {
  const check = (value: unknown, name: string) => {
    if (!Array.isArray(value)) throw invalid(name, value, 'Member must be a list');
    if (value.length > max) {
      throw invalid(name, value, `Member must have length less than or equal to ${max}`);
    }
    return value.map((one, index) => item(one, `${name}.${index + 1}.member`));
  };
  return Object.assign(check, item.members && { members: item.members });
}

/** An optional member. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  const checkGiven = (value: unknown, name: string) =>
    value === undefined || value === null ? undefined : check(value, name);
  return Object.assign(checkGiven, check.members && { members: check.members });
}

/** Validates the members of a structure. */
export function checkAll<C extends Checks>(members: C, given: object, prefix = ''): Checked<C> {
  const values = new Map(Object.entries(given));
  return Object.fromEntries(
    Object.entries(members).map(([name, check]) => [
      name,
      check(values.get(name), `${prefix}${name}`),
    ]),
  ) as Checked<C>;
}

/** A member that has only one value in the emulator, that which AWS assumes by default; others are refused. */
export function only<const T extends string | boolean>(value: T, check: Check<unknown>): Check<T> {
  return (given, name) => {
    if (check(given, name) === value) return value;
    throw notEmulated(`${name} other than ${value}`);
  };
}

/**
 * Refuses the members that an operation does not declare: the emulator uses or keeps each member that it accepts.
 *
 * @param given - members by name; null is like a missing one
 * @param declared - an object with the names of the declared members
 * @throws {@link EmulatorError} `InvalidRequestException`, which names the first member
 */
export function refuseOthers(given: object, declared: object, prefix = ''): void {
  const other = Object.entries(given).find(
    ([name, value]) => !Object.hasOwn(declared, name) && value !== undefined && value !== null,
  );
  if (other !== undefined) throw notEmulated(`${prefix}${other[0].slice(0, MAX_SHOWN)}`);
}

/** Returns the parameters of a query without those of a presigned request's signature. */
export function withoutSignature<T>(query: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(query).filter(([name]) => !/^x-amz-/i.test(name)));
}

function notEmulated(what: string): EmulatorError {
  return new EmulatorError(`not emulated: ${what}`, { code: 'InvalidRequestException' });
}

/** A member in the path. */
export function uri<T>(check: Check<T>): Member<T> {
  return { from: 'uri', check };
}

/** A member in the query. */
export function query<T>(check: Check<T>, wireName?: string): Member<T> {
  return { from: 'query', wireName, check };
}

/** A member in the header. */
export function header<T>(check: Check<T>, wireName: string): Member<T> {
  return { from: 'header', wireName, check };
}

/** A member in the body. */
export function body<T>(check: Check<T>): Member<T> {
  return { from: 'body', check };
}

const MAX_SHOWN = 80;

function invalid(name: string, value: unknown, constraint: string): EmulatorError {
  const shown = typeof value === 'string' ? `Value '${value.slice(0, MAX_SHOWN)}'` : 'Value';
  return new EmulatorError(
    `1 validation error detected: ${shown} at '${name}' failed to satisfy constraint: ${constraint}`,
    { code: 'InvalidRequestException' },
  );
}
