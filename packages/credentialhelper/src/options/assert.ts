import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import { isObject } from '../json.ts';

// Assertions for options. Each throws a CredentialHelperError with the code ERR_INVALID_OPTION.

/** The error for an option. Its value is described and not shown: it may be a misplaced secret. */
export function invalidOption(
  name: string,
  problem: string,
  value?: unknown,
): CredentialHelperError {
  const given = value === undefined ? '' : `, got ${describeValue(value)}`;
  return new CredentialHelperError(`"${name}" ${problem}${given}`, { code: 'ERR_INVALID_OPTION' });
}

function describeValue(value: unknown): string {
  if (typeof value === 'boolean') return String(value);
  // A longer one may be a PIN.
  if (typeof value === 'number' && String(value).length < 4) return String(value);
  return typeof value === 'string' ? `a string of ${value.length} characters` : kindOf(value);
}

/**
 * Reads options: an exception of a getter or proxy among them becomes an error of this package.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, and errors of this package that `read` throws
 */
export function readingOptions<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isCredentialHelperError(cause)) throw cause;
    throw new CredentialHelperError('the options cannot be read', {
      code: 'ERR_INVALID_OPTION',
      cause,
      hint: 'the "cause" says why',
    });
  }
}

/** Checks that a value is a string. */
export function requireText(value: unknown, name: string): string {
  const text = optionalText(value, name);
  if (text === undefined) throw invalidOption(name, 'is required');
  return text;
}

/** Checks that a value is a string, if defined. */
export function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string')
    throw invalidOption(name, `must be a string, got ${kindOf(value)}`);
  if (value === '') throw invalidOption(name, 'is empty');
  if (value.includes('\0')) throw invalidOption(name, 'has a NUL character');
  return value;
}

/** Checks that a value is a boolean, if defined. */
export function optionalBoolean(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidOption(name, 'must be true or false', value);
  return value;
}

/** Checks that a value is a whole number within bounds, if defined. */
export function optionalWholeNumber(
  value: unknown,
  name: string,
  { min, max, fallback }: Readonly<Record<'min' | 'max' | 'fallback', number>>,
): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value)) {
    const number = value as number;
    if (number >= min && number <= max) return number;
  }
  throw invalidOption(name, `must be a whole number from ${min} to ${max}`, value);
}

/** Checks that a value is an object. */
export function assertObject(value: unknown, name: string): asserts value is object {
  if (!isObject(value)) {
    throw invalidOption(name, `must be an object, got ${kindOf(value)}`);
  }
}

/**
 * The own properties of an options object. Unknown properties are rejected, so that no mistake goes unnoticed.
 * Inherited properties are ignored.
 *
 * @param name - its name in messages; empty for the options themselves
 * @param inner - options that belong inside one of these
 */
export function ownOptions<Options extends object>(
  value: Options,
  known: readonly (keyof Options & string)[],
  name: string,
  inner?: { readonly name: string; readonly options: readonly string[] },
): Options {
  assertObject(value, name || 'options');
  const own: Options = Object.assign(Object.create(null), value);
  const prefix = name && `${name}.`;
  for (const member of Object.keys(own)) {
    if ((known as readonly string[]).includes(member)) continue;
    const near = known.find((option) => option.toLowerCase() === member.toLowerCase());
    // Shown only if it can only be a name.
    const isName = /^[A-Za-z_]{1,40}$/.test(member);
    const shown = isName ? ` "${prefix}${member}"` : ` in "${name || 'options'}"`;
    const isInner = isName && inner?.options.includes(member) === true;
    const hint = isInner
      ? `it belongs inside "${inner.name}"`
      : near === undefined
        ? `expected one of ${known.join(', ')}`
        : `did you mean "${near}"?`;
    throw new CredentialHelperError(`unknown option${shown}`, { code: 'ERR_INVALID_OPTION', hint });
  }
  return own;
}

/** The type of a value in messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
