import { CredentialHelperError } from './errors.ts';

// What every option is checked with. Each throws a CredentialHelperError with the code ERR_INVALID_OPTION.

/** The error for an option; the value is shown where it is given, so never give a secret. */
export function invalidOption(
  name: string,
  problem: string,
  value?: unknown,
): CredentialHelperError {
  const shown =
    value === undefined ? '' : `: ${String(JSON.stringify(value) ?? value).slice(0, 80)}`;
  return new CredentialHelperError(`"${name}" ${problem}${shown}`, { code: 'ERR_INVALID_OPTION' });
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
  if (typeof value !== 'string') throw invalidOption(name, `must be text, and is ${kindOf(value)}`);
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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(name, `must be an object, and is ${kindOf(value)}`);
  }
}

/** Checks that an object has no other properties than these: one that is passed over would be a silent mistake. */
export function refuseUnknown(value: object, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const near = known.find((option) => option.toLowerCase() === name.toLowerCase());
    throw new CredentialHelperError(`unknown option "${prefix}${name}"`, {
      code: 'ERR_INVALID_OPTION',
      hint: near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`,
    });
  }
}

/** What a message calls the kind of a value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
