import { EmulatorError } from '../errors.ts';

/** What a name may be of. */
export type NameKind =
  | 'thing name'
  | 'role alias'
  | 'policy name'
  | 'role name'
  | 'account id'
  | 'region'
  | 'host name';

// Patterns and lengths of AWS IoT's and IAM's API models.
const PATTERNS: Readonly<Record<NameKind, RegExp>> = {
  'thing name': /^[a-zA-Z0-9:_-]{1,128}$/,
  'role alias': /^[\w=,@-]{1,128}$/,
  'policy name': /^[\w+=,.@-]{1,128}$/,
  'role name': /^[\w+=,.@-]{1,64}$/,
  'account id': /^\d{12}$/,
  region: /^[a-z]{2,}(?:-[a-z]+)+-\d+$/,
  // As in DNS, and with the `_` of container names; the last label of an IP address is a number.
  'host name':
    /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i,
};

/** The form of each kind of name, in words. */
export const NAME_FORMS: Readonly<Record<NameKind, string>> = {
  'thing name': '1 to 128 characters: letters, digits and :_-',
  'role alias': '1 to 128 characters: letters, digits and _=,@-',
  'policy name': '1 to 128 characters: letters, digits and _+=,.@-',
  'role name': '1 to 64 characters: letters, digits and _+=,.@-',
  'account id': '12 digits',
  region: 'a region such as us-east-1',
  'host name': 'a host name such as emulator',
};

/** Whether a name has AWS's form. */
export function isName(kind: NameKind, name: unknown): name is string {
  return typeof name === 'string' && PATTERNS[kind].test(name);
}

/**
 * Checks a name against AWS's pattern.
 *
 * @param code - the error code of the called service
 * @throws {@link EmulatorError} with that code
 */
export function checkName(kind: NameKind, name: string, code = 'InvalidRequestException'): string {
  if (isName(kind, name)) return name;
  const shown = JSON.stringify(name) ?? name;
  throw new EmulatorError(`${shown} is not a valid ${kind}: expected ${NAME_FORMS[kind]}`, {
    code,
  });
}

/** Whether two names cannot both exist: IAM does not distinguish names by case. */
export function isSameIamName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
