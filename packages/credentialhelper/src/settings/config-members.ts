import { MAX_FD, PLACES } from '../identity/secret-source.ts';
import { isObject } from '../json.ts';
import { type FileKeyInit, MAX_TIMEOUT_MS, MAX_WAIT_MS } from '../options/options.ts';
import type { Pkcs11Options } from '../options/token-options.ts';
import { SETTINGS } from './names.ts';

/** What a member of a file of settings can be: for its reader, and for editors (JSON Schema, draft 7). */
export interface MemberKind {
  /** What it must be, as a clause. */
  readonly must: string;
  /** Whether a value, as YAML or JSON gives it, is one. */
  readonly accepts: (value: unknown) => boolean;
  /** The same as JSON Schema. */
  readonly schema: object;
}

/** A member of a file of settings. */
export interface ConfigMember {
  readonly kind: MemberKind;
  readonly description: string;
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isWhole = (value: unknown, min: number, max: number) =>
  Number.isInteger(value) && Number(value) >= min && Number(value) <= max;

const TEXT_SCHEMA = { type: 'string', minLength: 1 };

const TEXT: MemberKind = { must: 'must be text', accepts: isText, schema: TEXT_SCHEMA };

const BOOLEAN: MemberKind = {
  must: 'must be true or false',
  accepts: (value) => typeof value === 'boolean',
  schema: { type: 'boolean' },
};

const whole = (min: number, max: number): MemberKind => ({
  must: `must be a whole number from ${min} to ${max}`,
  accepts: (value) => isWhole(value, min, max),
  schema: { type: 'integer', minimum: min, maximum: max },
});

const orNull = ({ must, accepts, schema }: MemberKind): MemberKind => ({
  must: `${must}, or null`,
  accepts: (value) => value === null || accepts(value),
  schema: { anyOf: [schema, { type: 'null' }] },
});

const PROXY: MemberKind = {
  must: 'must be a URL, or false',
  accepts: (value) => value === false || isText(value),
  schema: { anyOf: [TEXT_SCHEMA, { const: false }] },
};

/** The sources of a secret outside of the file: objects with one member. */
const PLACE_KINDS: Readonly<Record<(typeof PLACES)[number], Omit<MemberKind, 'must'>>> = {
  file: TEXT,
  environmentVariable: TEXT,
  systemdCredential: TEXT,
  fileDescriptor: whole(0, MAX_FD),
  command: {
    accepts: (value) =>
      isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    schema: { anyOf: [TEXT_SCHEMA, { type: 'array', minItems: 1, items: TEXT_SCHEMA }] },
  },
};

const SECRET: MemberKind = {
  must: `must be text, or an object with one of ${PLACES.join(', ')}`,
  accepts: (value) => {
    if (!isObject(value)) return isText(value);
    const [[name, inner] = [], ...more] = Object.entries(value);
    const place = PLACES.find((known) => known === name);
    return place !== undefined && more.length === 0 && PLACE_KINDS[place].accepts(inner);
  },
  schema: {
    anyOf: [
      TEXT_SCHEMA,
      ...Object.entries(PLACE_KINDS).map(([name, { schema }]) => ({
        type: 'object',
        properties: { [name]: schema },
        required: [name],
        additionalProperties: false,
      })),
    ],
  },
};

const ISOLATE: MemberKind = {
  must: 'must be true, false, or an object with node or program',
  accepts: (value) =>
    typeof value === 'boolean' ||
    (isObject(value) &&
      Object.entries(value).every(
        ([name, path]) => (name === 'node' || name === 'program') && isText(path),
      )),
  schema: {
    anyOf: [
      { type: 'boolean' },
      {
        type: 'object',
        properties: { node: TEXT_SCHEMA, program: TEXT_SCHEMA },
        additionalProperties: false,
      },
    ],
  },
};

/** Options of a session that are not settings: of the program, not of the device. */
type OfProgram = 'pkcs11' | 'keepFresh' | 'logger' | 'parentClientConfig';

// The types make these tables complete: a new option needs a kind.
const KINDS: Readonly<Record<Exclude<keyof FileKeyInit, OfProgram>, MemberKind>> = {
  endpoint: TEXT,
  roleAlias: TEXT,
  thingName: TEXT,
  certificate: TEXT,
  privateKey: TEXT,
  passphrase: SECRET,
  ca: TEXT,
  region: TEXT,
  verifyPeer: BOOLEAN,
  timeoutMs: whole(1, MAX_TIMEOUT_MS),
  maxWaitMs: whole(0, MAX_WAIT_MS),
  proxy: PROXY,
  userAgent: { ...TEXT, accepts: (value) => typeof value === 'string', schema: { type: 'string' } },
};

const TOKEN_KINDS: Readonly<Record<keyof Pkcs11Options, MemberKind>> = {
  library: TEXT,
  libraryParameters: TEXT,
  tokenLabel: orNull(TEXT),
  tokenSerial: orNull(TEXT),
  slotId: orNull(whole(0, Number.MAX_SAFE_INTEGER)),
  privateKeyLabel: orNull(TEXT),
  uri: TEXT,
  userPin: orNull(SECRET),
  ignorePinFlags: BOOLEAN,
  isolate: ISOLATE,
  stateFolder: orNull(TEXT),
};

/** The meaning of options that have no flag, or that can be more than their flag. */
const MEANINGS: Readonly<Record<string, string>> = {
  certificate: 'the device certificate: a path, PEM text, or a PKCS#11 URI',
  privateKey: 'its private key: a path, or PEM text',
  passphrase: 'the passphrase of the private key, or where it comes from',
  verifyPeer: 'Dangerous: false accepts any server certificate',
  'pkcs11.userPin':
    'the user PIN, or where it comes from; null: the token asks for it on its own PIN pad',
  'pkcs11.isolate':
    'false: load the library into this process. An object names the Node.js and the program of the child process',
  'pkcs11.stateFolder': 'folder for records of rejected PINs; null: none that lasts',
};

const meaningOf = (option: string) =>
  MEANINGS[option] ?? SETTINGS.find((setting) => setting.option === option)?.meaning ?? option;

const membersOf = (kinds: Readonly<Record<string, MemberKind>>, prefix: string) =>
  Object.entries(kinds).map(
    ([name, kind]) =>
      [`${prefix}${name}`, { kind, description: meaningOf(prefix + name) }] as const,
  );

/** The members of a file of settings, and of a thing in it; those inside `pkcs11` begin with `pkcs11.`. */
export const CONFIG_MEMBERS: ReadonlyMap<string, ConfigMember> = new Map([
  ...membersOf(KINDS, ''),
  ...membersOf(TOKEN_KINDS, 'pkcs11.'),
]);
