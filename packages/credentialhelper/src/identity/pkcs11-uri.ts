import { isUtf8 } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { CredentialHelperError } from '../errors.ts';
import { misplacedInValue } from './misplaced.ts';
import { Secret } from './secret.ts';

/** The types of object that a PKCS#11 URI can name in its `type` attribute (RFC 7512, section 2.3). */
export type Pkcs11ObjectType = 'cert' | 'data' | 'private' | 'public' | 'secret-key';

/**
 * The attributes of a PKCS#11 URI (RFC 7512, section 2.3). Each attribute that is set must match; text is compared
 * without the blank padding of PKCS#11.
 */
export interface Pkcs11Uri {
  /** Label of the token. */
  readonly token?: string | undefined;
  /** Manufacturer of the token. */
  readonly manufacturer?: string | undefined;
  /** Serial number of the token. */
  readonly serial?: string | undefined;
  /** Model of the token. */
  readonly model?: string | undefined;
  /** Manufacturer of the library. */
  readonly libraryManufacturer?: string | undefined;
  /** Description of the library. */
  readonly libraryDescription?: string | undefined;
  /** Version of the library: `major.minor`. */
  readonly libraryVersion?: string | undefined;
  /** Manufacturer of the slot. */
  readonly slotManufacturer?: string | undefined;
  /** Description of the slot. */
  readonly slotDescription?: string | undefined;
  /** Id of the slot: a number that the library chose, 0 included. */
  readonly slotId?: number | undefined;
  /** Label of the object (`CKA_LABEL`). */
  readonly object?: string | undefined;
  /** Id of the object (`CKA_ID`): bytes. */
  readonly id?: Uint8Array | undefined;
  /** Type of the object. */
  readonly type?: Pkcs11ObjectType | undefined;
  /** Path of the PKCS#11 library. */
  readonly modulePath?: string | undefined;
  /** Name of the PKCS#11 library without prefix and suffix, such as `softhsm2` for `libsofthsm2.so`. */
  readonly moduleName?: string | undefined;
  /** The PIN itself. */
  readonly pinValue?: Secret | undefined;
  /** The source of the PIN: a path, a `file:` URI, or `|` and a command. */
  readonly pinSource?: string | undefined;
}

type Attribute = keyof Pkcs11Uri;

const PATH_ATTRIBUTES: Readonly<Record<string, Exclude<Attribute, 'pinValue'>>> = {
  token: 'token',
  manufacturer: 'manufacturer',
  serial: 'serial',
  model: 'model',
  'library-manufacturer': 'libraryManufacturer',
  'library-description': 'libraryDescription',
  'library-version': 'libraryVersion',
  'slot-manufacturer': 'slotManufacturer',
  'slot-description': 'slotDescription',
  'slot-id': 'slotId',
  object: 'object',
  id: 'id',
  type: 'type',
};

const SHOWN_QUERY_ATTRIBUTES = {
  'module-path': 'modulePath',
  'module-name': 'moduleName',
  'pin-source': 'pinSource',
} as const;

const QUERY_ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  ...SHOWN_QUERY_ATTRIBUTES,
  'pin-value': 'pinValue',
};

const TYPES: readonly string[] = ['cert', 'data', 'private', 'public', 'secret-key'];

// RFC 7512, section 2.3: pk11-pchar and pk11-qchar, and the percent that begins an encoded byte.
const PATH_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;
const QUERY_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/;
const UNRESERVED_BYTE = /[A-Za-z0-9\-._~]/;

/** Whether a text is a PKCS#11 URI, and therefore not a path. */
export function isPkcs11Uri(text: string): boolean {
  return /^pkcs11:/i.test(text);
}

/**
 * Reads a PKCS#11 URI. A PIN in it is wrapped at once, and no error shows the URI itself.
 *
 * Vendor attributes and others that RFC 7512 does not name are rejected: an attribute that narrows the search must
 * not be ignored.
 *
 * @param option - the name of the option, for messages
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function parsePkcs11Uri(uri: string, option: string): Pkcs11Uri {
  if (!isPkcs11Uri(uri)) throw invalid(option, 'it does not begin with pkcs11:');
  const [path = '', query] = uri.slice('pkcs11:'.length).split(/\?(.*)/s, 2);
  const found: Partial<Record<Attribute, Pkcs11Uri[Attribute]>> = {};
  const read = (text: string, names: Readonly<Record<string, Attribute>>, allowed: RegExp) => {
    const [name = '', value] = text.split(/=(.*)/s, 2);
    const attribute = Object.hasOwn(names, name) ? names[name] : undefined;
    if (attribute === undefined) throw unknownAttribute(option, name, value, names);
    if (value === undefined || !allowed.test(value)) {
      throw invalid(option, `the value of "${name}" has a character that must be percent-encoded`);
    }
    if (Object.hasOwn(found, attribute)) throw invalid(option, `"${name}" occurs twice`);
    if (attribute !== 'pinValue') refuseAttributeIn(value, name, option);
    if (SHOWN.has(attribute)) refuseMisplaced(value, name, option);
    found[attribute] = readValue(name, decode(value), option);
  };
  for (const part of splitList(path, ';')) read(part, PATH_ATTRIBUTES, PATH_VALUE);
  for (const part of splitList(query, '&')) read(part, QUERY_ATTRIBUTES, QUERY_VALUE);
  const attributes = found as Pkcs11Uri;
  if (attributes.pinValue !== undefined && attributes.pinSource !== undefined) {
    throw invalid(option, 'it has both pin-value and pin-source');
  }
  return attributes;
}

/** Formats a PKCS#11 URI without a PIN, so that it can be shown. A `pinSource` is not a secret and is kept. */
export function formatPkcs11Uri({ pinValue: _, ...attributes }: Pkcs11Uri): string {
  const list = (
    names: Readonly<Record<string, Exclude<Attribute, 'pinValue'>>>,
    separator: string,
  ): string =>
    Object.entries(names)
      .filter(([, attribute]) => attributes[attribute] !== undefined)
      .map(([name, attribute]) => `${name}=${encode(attributes[attribute])}`)
      .join(separator);
  const query = list(SHOWN_QUERY_ATTRIBUTES, '&');
  return `pkcs11:${list(PATH_ATTRIBUTES, ';')}${query && `?${query}`}`;
}

/** Rejects a value that contains another attribute: a label or path can be shown, a PIN cannot. */
function refuseAttributeIn(value: string, name: string, option: string): void {
  const [, inner = isName(name) && value.includes('=') ? '=' : undefined] =
    ATTRIBUTE_IN.exec(value) ?? [];
  if (inner === undefined) return;
  throw invalid(
    option,
    `the value of "${name}" has "${inner.toLowerCase()}" in it: ; separates the attributes before the ?, & those after it, and = in a value must be written %3D`,
  );
}

/** Whether messages show the value of an attribute: only attributes of the path. */
const isName = (name: string) => Object.hasOwn(PATH_ATTRIBUTES, name);

const ATTRIBUTE_IN = new RegExp(
  `(?:^|[^a-z-])((?:pin|${[...Object.keys(PATH_ATTRIBUTES), ...Object.keys(QUERY_ATTRIBUTES)].join('|')})=)`,
  'i',
);

/** Attributes that messages show unchanged: not file paths, which may be something else. */
const SHOWN: ReadonlySet<Attribute> = new Set(Object.values(PATH_ATTRIBUTES));

function refuseMisplaced(value: string, name: string, option: string): void {
  const problem = misplacedInValue(decode(value).toString('utf8'));
  if (problem !== undefined) throw invalid(option, `the value of "${name}" ${problem}`);
}

function splitList(text: string | undefined, separator: string): string[] {
  return text === undefined || text === '' ? [] : text.split(separator);
}

function decode(value: string): Buffer {
  const bytes: number[] = [];
  for (const [unit] of value.matchAll(/%..|./g)) {
    bytes.push(unit.length === 3 ? Number.parseInt(unit.slice(1), 16) : unit.charCodeAt(0));
  }
  return Buffer.from(bytes);
}

/** All but unreserved characters (RFC 3986, section 2.3) as percent and two digits. */
function encode(value: string | number | Uint8Array | undefined): string {
  if (isUint8Array(value)) {
    // RFC 7512 advises to encode every byte of an id.
    return Array.from(value, percent).join('');
  }
  return Array.from(Buffer.from(String(value)), (byte) => {
    const character = String.fromCharCode(byte);
    return UNRESERVED_BYTE.test(character) ? character : percent(byte);
  }).join('');
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function readValue(name: string, bytes: Buffer, option: string): Pkcs11Uri[Attribute] {
  if (name === 'id') return bytes;
  if (!isUtf8(bytes)) throw invalid(option, `the value of "${name}" is not UTF-8`);
  const text = bytes.toString('utf8');
  if (name === 'pin-value') return new Secret(text);
  if (name === 'type' && !TYPES.includes(text)) {
    throw invalid(option, `"type" is one of ${TYPES.join(', ')}`);
  }
  if (name === 'library-version' && !/^\d{1,3}(\.\d{1,3})?$/.test(text)) {
    throw invalid(option, '"library-version" is one number, or two separated by a dot');
  }
  // RFC 7512, section 2.3: without a minor version it is 0.
  if (name === 'library-version') return text.includes('.') ? text : `${text}.0`;
  if (name !== 'slot-id') return text;
  if (!/^\d{1,15}$/.test(text)) throw invalid(option, '"slot-id" is a decimal number');
  return Number(text);
}

function unknownAttribute(
  option: string,
  name: string,
  value: string | undefined,
  names: Readonly<Record<string, Attribute>>,
): CredentialHelperError {
  const elsewhere = names === PATH_ATTRIBUTES ? QUERY_ATTRIBUTES : PATH_ATTRIBUTES;
  if (Object.hasOwn(elsewhere, name)) {
    const place = names === PATH_ATTRIBUTES ? 'after the ?, with &' : 'before the ?, with ;';
    return invalid(option, `"${name}" belongs ${place} between attributes`);
  }
  const known = Object.keys(names).join(', ');
  // The name is shown only if it can only be a name: after a mistyped separator it may contain a PIN.
  const shown = value !== undefined && /^[a-z-]{1,24}$/.test(name) ? ` "${name}"` : '';
  return invalid(option, `it has an unknown attribute${shown}; known here are ${known}`);
}

function invalid(option: string, reason: string): CredentialHelperError {
  return new CredentialHelperError(`"${option}" is not a PKCS#11 URI: ${reason}`, {
    code: 'ERR_INVALID_OPTION',
    hint: 'see RFC 7512; an example: pkcs11:token=my-token;object=my-key;type=private',
  });
}
