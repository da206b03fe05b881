import { EmulatorError } from '../errors.ts';

// Patterns and lengths of AWS IoT's and IAM's API models.
type Kind = 'thing name' | 'role alias' | 'policy name' | 'role name' | 'account id' | 'region';

const PATTERNS: Readonly<Record<Kind, RegExp>> = {
  'thing name': /^[a-zA-Z0-9:_-]{1,128}$/,
  'role alias': /^[\w=,@-]{1,128}$/,
  'policy name': /^[\w+=,.@-]{1,128}$/,
  'role name': /^[\w+=,.@-]{1,64}$/,
  'account id': /^\d{12}$/,
  region: /^[a-z]{2,}(?:-[a-z]+)+-\d+$/,
};

/**
 * Checks a name against AWS's pattern.
 *
 * @param code - the error code of the called service
 * @throws {@link EmulatorError} with that code
 */
export function checkName(kind: Kind, name: string, code = 'InvalidRequestException'): string {
  if (typeof name === 'string' && matchesName(kind, name)) return name;
  throw new EmulatorError(`${JSON.stringify(name) ?? name} is not a valid ${kind}`, {
    code,
  });
}

/** Whether a name matches AWS's pattern. */
export function matchesName(kind: Kind, name: string): boolean {
  // This key cannot be stored in a JavaScript object.
  return PATTERNS[kind].test(name) && name !== '__proto__';
}

/** Whether two names cannot both exist: IAM does not distinguish names by case. */
export function isSameIamName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
