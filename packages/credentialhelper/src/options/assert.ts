import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import { isObject } from '../json.ts';

// What every option is checked with. Each throws a CredentialHelperError with the code ERR_INVALID_OPTION.

/** The error for an option. Text that was given is described and not shown: it may be a secret in the wrong place. */
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
 * Reads options: what a getter or proxy among them throws becomes an error of this package.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, and what `read` throws of this package
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

/** Checks that a value is there and is text. */
export function requireText(value: unknown, name: string): string {
  const text = optionalText(value, name);
  if (text === undefined) throw invalidOption(name, 'is required');
  return text;
}

/** Checks that a value is text, if it is there. */
export function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string')
    throw invalidOption(name, `must be a string, got ${kindOf(value)}`);
  if (value === '') throw invalidOption(name, 'is empty');
  if (value.includes('\0')) throw invalidOption(name, 'has a NUL character');
  return value;
}

/** Checks that a value is true or false, if it is there. */
export function optionalBoolean(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidOption(name, 'must be true or false', value);
  return value;
}

/** Checks that a value is an object. */
export function assertObject(value: unknown, name: string): asserts value is object {
  if (!isObject(value)) {
    throw invalidOption(name, `must be an object, got ${kindOf(value)}`);
  }
}

/**
 * The own members of an object of options, which has no others than these: one that is passed over would be a silent
 * mistake. What it inherits does not count.
 *
 * @param name - its name in messages; empty for the options themselves
 * @param inner - options that belong into one of these
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
    // Shown only where it can be nothing but a name.
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

/** What a message calls the kind of a value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
