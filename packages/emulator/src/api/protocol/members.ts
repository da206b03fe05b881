import { EmulatorError } from '../../errors.ts';
import { isObject } from '../../json.ts';

/** Validates an external value as an input of an operation; throws an {@link EmulatorError}. */
export type Check<T> = (value: unknown, name: string) => T;

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

/** A JSON object. */
export const structure: Check<Readonly<Record<string, unknown>>> = (value, name) => {
  if (isObject(value)) return value;
  throw invalid(name, value, 'Member must be a structure');
};

/** An optional member. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, name) => (value === undefined || value === null ? undefined : check(value, name));
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
