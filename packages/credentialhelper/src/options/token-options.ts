import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { checkModule, findModule } from '../identity/library-path.ts';
import { misplacedIn } from '../identity/misplaced.ts';
import { isPlainlyPath, isUrl, pathOf } from '../identity/named-path.ts';
import { openPinSource, type PinReader, type PinSource, parsePinSource } from '../identity/pin.ts';
import { type Pkcs11Uri, parsePkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Warn } from '../identity/secret-file.ts';
import { defaultStateFolder } from '../pins/folders.ts';
import type { LibraryLocation } from '../pkcs11/library-location.ts';
import type { ChildOptions } from '../process/program.ts';
import { invalidOption, optionalBoolean, optionalText, ownOptions, requireText } from './assert.ts';

/** A private key that lives in a PKCS#11 token. */
export interface Pkcs11Options {
  /**
   * Path of the PKCS#11 library, such as `/usr/lib/softhsm/libsofthsm2.so`. Required, unless `uri` is given: it may say
   * which library, and p11-kit's proxy is taken where it does not.
   */
  readonly library?: string | URL | undefined;
  /**
   * Text that the library is initialized with (`pReserved` of `C_Initialize`). NSS names its database that way:
   * `configdir='sql:/path/of/folder' flags=readOnly`.
   */
  readonly libraryParameters?: string | undefined;
  /**
   * The user's PIN, or where it comes from. Leave it out for a token that wants no login; `null` for a token that asks
   * for the PIN on its own PIN pad. A PIN that the token has rejected is not tried again.
   */
  readonly userPin?: PinSource | undefined;
  /** Id of the slot that the token is in: a whole number, 0 included. `null` is the same as not given. */
  readonly slotId?: number | null | undefined;
  /**
   * Label of the token. Where nothing names the token, the library must show exactly one. `null` is the same as not
   * given.
   */
  readonly tokenLabel?: string | null | undefined;
  /** Serial number of the token, where several have the same label. `null` is the same as not given. */
  readonly tokenSerial?: string | null | undefined;
  /**
   * Label of the private key. Where nothing names the key, the token must hold exactly one private key. `null` is the same
   * as not given.
   */
  readonly privateKeyLabel?: string | null | undefined;
  /** A PKCS#11 URI (RFC 7512) that names token and key, besides or instead of the labels above. */
  readonly uri?: string | undefined;
  /**
   * Logs in even to a token that says its PIN is locked or has one try left. Default false. For tokens that say so
   * wrongly; a wrong PIN then locks the token.
   */
  readonly ignorePinFlags?: boolean | undefined;
  /**
   * `false` loads the PKCS#11 library into this process. Default true: it is loaded in a short-lived child process, so
   * that it can neither crash nor block this one. Only for commands that exit at once, and for bundlers. An object names
   * what the child process is, where it is not found: `node`, the path of a Node.js (for applications that have one built
   * in), and `program`, the path of a copy of this package's `dist/token-request-child.js` (for bundles).
   */
  readonly isolate?: boolean | ChildOptions | undefined;
  /**
   * Folder where PINs that a token has rejected are remembered, as keyed hashes, so that no process tries them again.
   * Default: `awsiot-credentialhelper` in `$STATE_DIRECTORY`, `$XDG_STATE_HOME` or `~/.local/state`. `null`, or where it
   * cannot be used: a folder of this user's own that lasts until the system restarts.
   */
  readonly stateFolder?: string | null | undefined;
}

/** The options of a key in a token, checked and in one form. */
export interface TokenSettings extends LibraryLocation {
  /** What the token and the key must match. */
  readonly match: Pkcs11Uri;
  readonly pin: PinReader;
  readonly ignorePinFlags: boolean;
  readonly stateFolder: string | undefined;
  /** What to start as a child process; false: none, the token is used in this process. */
  readonly isolate: ChildOptions | false;
  /** Which library and PIN the URI of the key names, if it does. */
  readonly access: UriAccess;
}

/** The attributes of a PKCS#11 URI that say how to get at a token, not what is in it. */
type UriAccess = Pick<Pkcs11Uri, 'modulePath' | 'moduleName' | 'pinValue' | 'pinSource'>;

/** The options of a key in a token. */
export const TOKEN_OPTION_NAMES: readonly (keyof Pkcs11Options)[] = [
  'library',
  'libraryParameters',
  'userPin',
  'slotId',
  'tokenLabel',
  'tokenSerial',
  'privateKeyLabel',
  'uri',
  'ignorePinFlags',
  'isolate',
  'stateFolder',
];

/**
 * Checks the options of a key in a token.
 *
 * @param name - the name of the option, for messages
 * @param warn - told of a PIN file that others can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_PKCS11_LIBRARY`, `ERR_FILE_UNREADABLE`
 */
export function checkTokenOptions(given: Pkcs11Options, name: string, warn: Warn): TokenSettings {
  if (typeof given === 'string') {
    throw new CredentialHelperError(`"${name}" must be an object, got a string`, {
      code: 'ERR_INVALID_OPTION',
      hint: `pass a PKCS#11 URI as "${name}": { uri }`,
    });
  }
  const options = ownOptions(given, TOKEN_OPTION_NAMES, name);
  const uri = readUri(options, name);
  const loose = readLooseAttributes(options, name);
  const { match, access } = splitUri(merge(uri, loose, name));
  return {
    library: readLibrary(options, access, name),
    libraryParameters: optionalText(options.libraryParameters, `${name}.libraryParameters`),
    match: { ...match, type: 'private' },
    access,
    pin: readPinSource(options, access, name, warn),
    ignorePinFlags: optionalBoolean(options.ignorePinFlags, `${name}.ignorePinFlags`, false),
    stateFolder: checkStateFolder(options.stateFolder, `${name}.stateFolder`),
    isolate: checkIsolate(options.isolate, `${name}.isolate`),
  };
}

function readUri({ uri }: Pkcs11Options, name: string): Pkcs11Uri {
  const text = optionalText(uri, `${name}.uri`);
  if (text === undefined) return {};
  const attributes = parsePkcs11Uri(text, name);
  if (attributes.type !== undefined && attributes.type !== 'private') {
    throw invalidOption(name, `must name a private key, got the type ${attributes.type}`);
  }
  return attributes;
}

function readLooseAttributes(options: Pkcs11Options, name: string): Pkcs11Uri {
  const slotId = options.slotId ?? undefined;
  if (slotId !== undefined && !(Number.isSafeInteger(slotId) && slotId >= 0)) {
    throw invalidOption(`${name}.slotId`, 'must be a whole number, 0 or more', slotId);
  }
  const label = (member: 'tokenLabel' | 'tokenSerial' | 'privateKeyLabel') => {
    const text = optionalText(options[member] ?? undefined, `${name}.${member}`);
    const problem = text === undefined ? undefined : misplacedIn(text);
    if (problem === undefined) return text;
    throw invalidOption(`${name}.${member}`, `${problem}; a URI belongs in "${name}.uri"`);
  };
  const token = label('tokenLabel');
  const serial = label('tokenSerial');
  const object = label('privateKeyLabel');
  return {
    ...(slotId === undefined ? {} : { slotId }),
    ...(token === undefined ? {} : { token }),
    ...(serial === undefined ? {} : { serial }),
    ...(object === undefined ? {} : { object }),
  };
}

function merge(uri: Pkcs11Uri, loose: Pkcs11Uri, name: string): Pkcs11Uri {
  for (const [option, attribute] of [
    ['slotId', 'slotId'],
    ['tokenLabel', 'token'],
    ['tokenSerial', 'serial'],
    ['privateKeyLabel', 'object'],
  ] as const) {
    const [one, other] = [uri[attribute], loose[attribute]];
    if (one !== undefined && other !== undefined && one !== other) {
      throw invalidOption(`${name}.${option}`, `contradicts "${name}.uri"`);
    }
  }
  return { ...uri, ...loose };
}

function readLibrary(options: Pkcs11Options, access: UriAccess, name: string): string {
  const { library, uri } = options;
  if (library === undefined && uri !== undefined) return findModule(access, name);
  const path = checkModule(
    isUrl(library) ? library : requireText(library, `${name}.library`),
    `${name}.library`,
  );
  if (access.modulePath !== undefined || access.moduleName !== undefined) {
    throw invalidOption(`${name}.library`, `is set, and "${name}.uri" also names a library`);
  }
  return path;
}

function readPinSource(
  { userPin }: Pkcs11Options,
  { pinValue, pinSource }: UriAccess,
  name: string,
  warn: Warn,
): PinReader {
  const inUri = pinValue?.reveal() ?? pinSource;
  if (userPin !== undefined && inUri !== undefined) {
    throw new CredentialHelperError(`"${name}.userPin" is set, and "${name}.uri" also has a PIN`, {
      code: 'ERR_INVALID_OPTION',
      hint: 'pass the PIN in one place',
    });
  }
  if (pinSource !== undefined) return openPinSource(parsePinSource(pinSource, name), name, warn);
  return openPinSource(userPin === undefined ? inUri : userPin, `${name}.userPin`, warn);
}

/**
 * Checks the PKCS#11 URI of a certificate that is in the token of its key.
 *
 * @param key - the settings of the key, with which the URI must agree on library and PIN where it names them
 * @returns what token and certificate must match
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function checkCertificateUri(text: string, key: TokenSettings): Pkcs11Uri {
  const { match, access } = splitUri(parsePkcs11Uri(text, 'certificate'));
  if (match.type !== undefined && match.type !== 'cert') {
    throw invalidOption('certificate', `must name a certificate, got the type ${match.type}`);
  }
  const agrees =
    (access.modulePath ?? key.access.modulePath) === key.access.modulePath &&
    (access.moduleName ?? key.access.moduleName) === key.access.moduleName &&
    (access.pinSource ?? key.access.pinSource) === key.access.pinSource &&
    (access.pinValue ?? key.access.pinValue)?.reveal() === key.access.pinValue?.reveal();
  if (!agrees) {
    throw invalidOption('certificate', 'names a library or PIN that differs from that of the key');
  }
  return { ...match, type: 'cert' };
}

function splitUri(uri: Pkcs11Uri): { match: Pkcs11Uri; access: UriAccess } {
  const { modulePath, moduleName, pinValue, pinSource, ...match } = uri;
  return { match, access: { modulePath, moduleName, pinValue, pinSource } };
}

function checkIsolate(isolate: unknown, name: string): ChildOptions | false {
  if (typeof isolate !== 'object') {
    return optionalBoolean(isolate, name, true) ? {} : false;
  }
  const own = ownOptions<ChildOptions>(isolate as ChildOptions, ['node', 'program'], name);
  const path = (member: keyof ChildOptions) => {
    const text = optionalText(own[member], `${name}.${member}`);
    return text === undefined ? undefined : pathOf(text, `${name}.${member}`);
  };
  return { node: path('node'), program: path('program') };
}

function checkStateFolder(folder: unknown, name: string): string | undefined {
  if (folder === null) return undefined;
  if (folder === undefined) return defaultStateFolder();
  const path = requireText(folder, name);
  if (isPlainlyPath(path) || existsSync(path)) return resolve(path);
  throw invalidOption(name, 'must be the path of a folder, such as ./state', path);
}
