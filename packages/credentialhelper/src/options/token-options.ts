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

/** Options of a private key in a PKCS#11 token. */
export interface Pkcs11Options {
  /**
   * Path of the PKCS#11 library, such as `/usr/lib/softhsm/libsofthsm2.so`. Required unless `uri` is set, which may
   * name the library; if it does not, p11-kit's proxy is used.
   */
  readonly library?: string | URL | undefined;
  /**
   * String to initialize the library with (`pReserved` of `C_Initialize`). For NSS it names the database:
   * `configdir='sql:/path/of/folder' flags=readOnly`.
   */
  readonly libraryParameters?: string | undefined;
  /**
   * The user PIN, or its source. Leave it out for a token that requires no login; `null` for a token that asks for
   * the PIN on its own PIN pad. A PIN that the token has rejected is not tried again.
   */
  readonly userPin?: PinSource | undefined;
  /** Id of the slot that the token is in: a whole number, 0 included. `null` is the same as not set. */
  readonly slotId?: number | null | undefined;
  /**
   * Label of the token. If nothing names the token, the library must have exactly one. `null` is the same as not
   * set.
   */
  readonly tokenLabel?: string | null | undefined;
  /** Serial number of the token, if several have the same label. `null` is the same as not set. */
  readonly tokenSerial?: string | null | undefined;
  /**
   * Label of the private key. If nothing names the key, the token must hold exactly one private key. `null` is the
   * same as not set.
   */
  readonly privateKeyLabel?: string | null | undefined;
  /** A PKCS#11 URI (RFC 7512) that names token and key, besides or instead of the labels above. */
  readonly uri?: string | undefined;
  /**
   * Logs in even if the token reports its PIN as locked or with one try left. Default false. For tokens that report
   * this incorrectly; a wrong PIN may lock the token.
   */
  readonly ignorePinFlags?: boolean | undefined;
  /**
   * `false` loads the PKCS#11 library into this process, where it may crash or block it: only for short-lived
   * commands. Default true: it is loaded in a short-lived child process. An object sets the program of the child
   * process: `node`, the path of a Node.js executable (for applications with Node.js built in), and `program`, the
   * path of a copy of this package's `dist/token-request-child.js` (for bundles).
   */
  readonly isolate?: boolean | ChildOptions | undefined;
  /**
   * Folder with keyed hashes of PINs that a token has rejected, so that no process tries them again.
   * Default: `awsiot-credentialhelper` in `$STATE_DIRECTORY`, `$XDG_STATE_HOME` or `~/.local/state`. `null`, or if
   * the folder cannot be used: a folder of this user that lasts until the system restarts.
   */
  readonly stateFolder?: string | null | undefined;
}

/** The validated, normalized options of a key in a token. */
export interface TokenSettings extends LibraryLocation {
  /** The attributes of token and key. */
  readonly match: Pkcs11Uri;
  readonly pin: PinReader;
  readonly ignorePinFlags: boolean;
  readonly stateFolder: string | undefined;
  /** The program of the child process; false: the token is used in this process. */
  readonly isolate: ChildOptions | false;
  /** Library and PIN in the URI of the key, if any. */
  readonly access: UriAccess;
}

/** The attributes of a PKCS#11 URI for access to a token, as opposed to those of its objects. */
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
 * @param warn - called for a PIN file that other users can read
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
  const attributes = parsePkcs11Uri(text, `${name}.uri`);
  if (attributes.type !== undefined && attributes.type !== 'private') {
    throw invalidOption(`${name}.uri`, `must name a private key, got the type ${attributes.type}`);
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
  if (library === undefined && uri !== undefined) return findModule(access, `${name}.uri`);
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
  if (pinSource !== undefined) {
    return openPinSource(parsePinSource(pinSource, `${name}.uri`), `${name}.uri`, warn);
  }
  return openPinSource(userPin === undefined ? inUri : userPin, `${name}.userPin`, warn);
}

/**
 * Validates the PKCS#11 URI of a certificate that is in the token of its key.
 *
 * @param key - the settings of the key, whose library and PIN the URI must not contradict
 * @returns the attributes of token and certificate
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
