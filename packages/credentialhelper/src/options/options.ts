import type { KeyObject } from 'node:crypto';
import { isKeyObject, isUint8Array } from 'node:util/types';
import type { Logger } from '@smithy/types';
import { CredentialHelperError } from '../errors.ts';
import { isUrl } from '../identity/named-path.ts';
import { openPassphrase, type PassphraseReader } from '../identity/passphrase.ts';
import { isPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { openSource, type Source } from '../identity/read-source.ts';
import type { Warn } from '../identity/secret-file.ts';
import type { SecretSource } from '../identity/secret-source.ts';
import { excerpt } from '../text.ts';
import { VERSION } from '../version.ts';
import {
  assertObject,
  invalidOption,
  kindOf,
  optionalBoolean,
  optionalText,
  ownOptions,
  readingOptions,
  requireText,
} from './assert.ts';
import { type Endpoint, isRegionName, parseEndpoint } from './endpoint.ts';
import {
  checkCertificateUri,
  checkTokenOptions,
  type Pkcs11Options,
  TOKEN_OPTION_NAMES,
  type TokenSettings,
} from './token-options.ts';

/** What a session takes wherever its private key is. */
export interface CommonInit {
  /**
   * The credential provider's endpoint: `host` or `host:port` (default port 443), where host is a name, an IPv4
   * address, or an IPv6 address in brackets. `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints
   * it. `https://` before it, and the path of the credential provider behind it, may stay.
   */
  readonly endpoint: string;
  /** Name of the role alias: 1 to 128 characters: letters, digits and `_ = , @ -`. */
  readonly roleAlias: string;
  /**
   * Name of the thing that the certificate is attached to: 1 to 128 characters: letters, digits and `: _ -`. Needed where
   * policies use thing variables.
   */
  readonly thingName?: string | undefined;
  /**
   * The device certificate, with the certificates of its chain if any: a path, a `file:` URL, PEM text, or PEM or DER
   * bytes, which are copied. A file is read again each time credentials are fetched, a pipe once, for the first.
   *
   * With a key in a token also a PKCS#11 URI, for a certificate in the same token; `pkcs11:` alone means the one that
   * belongs to the key. Of several, the one that is valid longest is taken, with its chain where the token holds it.
   */
  readonly certificate: string | URL | Uint8Array;
  /**
   * The CA certificates to trust instead of Node's: a path, a `file:` URL, PEM text, or PEM or DER bytes. AWS's own
   * endpoints need none.
   */
  readonly ca?: string | URL | Uint8Array | undefined;
  /**
   * AWS region, such as `eu-west-1`. Default: read from `endpoint`; where its name does not say it, the region of
   * `parentClientConfig`, then the environment variable `AWS_REGION`, then `AWS_DEFAULT_REGION`.
   */
  readonly region?: string | undefined;
  /**
   * **Dangerous: `false` does not check who the server is.** Anybody on the way can then hand out credentials; each process
   * that does so is warned. Only for experiments: pass `ca` instead. Default true.
   */
  readonly verifyPeer?: boolean | undefined;
  /** How long one exchange may take altogether, in milliseconds: 1 to 600 000. Default 10 000. */
  readonly timeoutMs?: number | undefined;
  /**
   * The header field `User-Agent` of requests: 1 to 512 printable ASCII characters; `''` sends none. Default: name and
   * version of this package, version of Node.js, and platform, such as
   * `awsiot-credentialhelper/0.1.0 nodejs/24.11.0 linux/arm64`.
   */
  readonly userAgent?: string | undefined;
  /**
   * Where notes, warnings and details go; `trace`, where it has that method, gets a line for each PKCS#11 call. Default:
   * that of `parentClientConfig`; else nowhere, except that `verifyPeer: false` is always warned of.
   */
  readonly logger?: Logger | undefined;
  /** What chains of the AWS SDK's providers pass: the configuration of the client that they serve. */
  readonly parentClientConfig?: ClientConfig | undefined;
}

/** What is taken of the configuration of a client of the AWS SDK: this, and never more. */
export interface ClientConfig {
  /** The region, where it is text. */
  readonly region?: string | (() => Promise<string>) | undefined;
  /** Where lines go that no logger of the session's own takes. */
  readonly logger?: Logger | undefined;
}

/** What a session takes whose private key is in a file or in memory. */
export interface FileKeyInit extends CommonInit {
  /**
   * The private key: a path, a `file:` URL, PEM text, PEM or DER bytes (PKCS#1, SEC1, PKCS#8, encrypted PKCS#8), or a
   * `KeyObject`. A file is read again each time credentials are fetched, a pipe once, for the first.
   */
  readonly privateKey: string | URL | Uint8Array | KeyObject;
  /** Passphrase of an encrypted `privateKey`, or where it comes from. */
  readonly passphrase?: SecretSource | undefined;
  /** Never beside `privateKey`. */
  readonly pkcs11?: undefined;
}

/** What a session takes whose private key is in a PKCS#11 token. */
export interface TokenKeyInit extends CommonInit {
  /** Where the token and the key are, and how they are used. */
  readonly pkcs11: Pkcs11Options;
  /** Never beside `pkcs11`. */
  readonly privateKey?: undefined;
  /** A token has a PIN instead: `userPin`. */
  readonly passphrase?: undefined;
}

/** What `createSession` and `fromIotCore` take: the private key is in `privateKey` or in `pkcs11`, and never in both. */
export type FromIotCoreInit = FileKeyInit | TokenKeyInit;

/** Certificate and key outside of tokens. */
export interface FileKeySettings {
  readonly kind: 'file';
  readonly certificate: Source;
  readonly source: Source | KeyObject;
  readonly passphrase: PassphraseReader;
}

/** A key in a token, and its certificate there or elsewhere. */
export interface TokenKeySettings {
  readonly kind: 'token';
  /** A source to read, or what the certificate in the token must match. */
  readonly certificate: { readonly source: Source } | { readonly match: Pkcs11Uri };
  readonly token: TokenSettings;
}

/** The options, checked and in one form. */
export interface Settings {
  readonly endpoint: Endpoint;
  readonly region: string | undefined;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  readonly key: FileKeySettings | TokenKeySettings;
  readonly ca: Source | undefined;
  readonly verifyPeer: boolean;
  readonly timeoutMs: number;
  /** Empty where none is sent. */
  readonly userAgent: string;
  readonly logger: Logger | undefined;
  /** Warns, of each thing once. */
  readonly warn: Warn;
}

const OPTION_NAMES: readonly (keyof FileKeyInit)[] = [
  'endpoint',
  'roleAlias',
  'thingName',
  'certificate',
  'privateKey',
  'passphrase',
  'pkcs11',
  'ca',
  'region',
  'verifyPeer',
  'timeoutMs',
  'userAgent',
  'logger',
  'parentClientConfig',
];

// The patterns of AWS IoT's API model.
const ROLE_ALIAS = /^[\w=,@-]{1,128}$/;
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 600_000;

/**
 * Checks the options and brings them into one form. Nothing is read but whether the PKCS#11 library is a file.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`, `ERR_DATA_ENDPOINT`,
 * `ERR_PKCS11_LIBRARY`
 */
export function checkOptions(given: FromIotCoreInit): Settings {
  return readingOptions(() => readOptions(given));
}

function readOptions(given: FromIotCoreInit): Settings {
  const options = ownOptions(given, OPTION_NAMES, '', IN_PKCS11);
  const endpoint = parseEndpoint(requireText(options.endpoint, 'endpoint'), options.roleAlias);
  const region = optionalText(options.region, 'region')?.trim();
  if (region !== undefined && !isRegionName(region)) {
    throw invalidOption('region', 'must be the name of an AWS region, such as eu-west-1', region);
  }
  const roleAlias = requireText(options.roleAlias, 'roleAlias');
  if (!ROLE_ALIAS.test(roleAlias)) {
    throw invalidOption(
      'roleAlias',
      'must be 1 to 128 characters: letters, digits and _ = , @ -',
      roleAlias,
    );
  }
  const thingName = optionalText(options.thingName, 'thingName');
  if (thingName !== undefined && !THING_NAME.test(thingName)) {
    throw invalidOption(
      'thingName',
      'must be 1 to 128 characters: letters, digits and : _ -',
      thingName,
    );
  }
  const parent = checkClientConfig(options.parentClientConfig);
  const logger = checkLogger(options.logger) ?? parent.logger;
  const { warn } = logEvents(logger);
  return {
    endpoint,
    region: region ?? endpoint.region ?? parent.region,
    roleAlias,
    thingName,
    ...checkIdentity(options, warn),
    verifyPeer: optionalBoolean(options.verifyPeer, 'verifyPeer', true),
    timeoutMs: checkTimeout(options.timeoutMs),
    userAgent: checkUserAgent(options.userAgent),
    logger,
    warn,
  };
}

/** The options of a token that were looked for beside it. */
export const IN_PKCS11 = { name: 'pkcs11', options: TOKEN_OPTION_NAMES } as const;

/** Takes of the configuration of an SDK client what is used here; what does not have its form is passed over. */
function checkClientConfig(config: unknown): {
  readonly region: string | undefined;
  readonly logger: Logger | undefined;
} {
  if (config === undefined) return { region: undefined, logger: undefined };
  assertObject(config, 'parentClientConfig');
  const { region, logger } = config as ClientConfig;
  return {
    region: typeof region === 'string' && isRegionName(region) ? region : undefined,
    logger: checkLogger(logger, 'parentClientConfig.logger'),
  };
}

/** What names certificate, key and CA: a part of {@link FromIotCoreInit}. */
export type IdentityOptions = Pick<CommonInit, 'certificate' | 'ca'> & {
  readonly privateKey?: FileKeyInit['privateKey'] | undefined;
  readonly passphrase?: SecretSource | undefined;
  readonly pkcs11?: Pkcs11Options | undefined;
};

/**
 * Checks the options that name certificate, key and CA.
 *
 * @param warn - told of files with secrets that others can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`, `ERR_PKCS11_LIBRARY`,
 * `ERR_FILE_UNREADABLE`
 */
export function checkIdentity(options: IdentityOptions, warn: Warn): Pick<Settings, 'key' | 'ca'> {
  const key = checkKey(options, warn);
  return {
    key,
    ca:
      options.ca === undefined
        ? undefined
        : requireSource(options.ca, 'ca', sourcesOf({ key, ca: undefined })),
  };
}

/** The sources of certificate, key and CA. */
export function sourcesOf({ key, ca }: Pick<Settings, 'key' | 'ca'>): readonly Source[] {
  const certificate =
    key.kind === 'file'
      ? key.certificate
      : 'source' in key.certificate
        ? key.certificate.source
        : undefined;
  const source = key.kind === 'file' && !isKeyObject(key.source) ? key.source : undefined;
  return [certificate, source, ca].filter((one) => one !== undefined);
}

function checkKey(options: IdentityOptions, warn: Warn): Settings['key'] {
  const { privateKey, pkcs11 } = options;
  if ((privateKey === undefined) === (pkcs11 === undefined)) {
    const problem = privateKey === undefined ? 'neither was passed' : 'both were passed';
    throw new CredentialHelperError(`pass exactly one of "privateKey" and "pkcs11"; ${problem}`, {
      code: 'ERR_KEY_SOURCE',
      hint: '"privateKey" is for a key in a file or in memory, "pkcs11" for a key in a token',
    });
  }
  if (pkcs11 !== undefined) {
    if (options.passphrase !== undefined) {
      throw invalidOption(
        'passphrase',
        'is only for a key in a file; a token has a PIN ("pkcs11.userPin")',
      );
    }
    const token = checkTokenOptions(pkcs11, 'pkcs11', warn);
    return {
      kind: 'token',
      certificate: checkTokenCertificate(options.certificate, token),
      token,
    };
  }
  const passphrase = openPassphrase(options.passphrase, warn);
  const source = isKeyObject(privateKey) ? privateKey : requireSource(privateKey, 'privateKey');
  const certificate = requireSource(
    options.certificate,
    'certificate',
    isKeyObject(source) ? [] : [source],
  );
  return { kind: 'file', certificate, source, passphrase };
}

function checkTokenCertificate(
  certificate: unknown,
  token: TokenSettings,
): TokenKeySettings['certificate'] {
  if (typeof certificate === 'string' && isPkcs11Uri(certificate)) {
    return { match: checkCertificateUri(certificate, token) };
  }
  return { source: requireSource(certificate, 'certificate') };
}

const USER_AGENT = /^[ -~]{0,512}$/;

function checkUserAgent(userAgent: unknown): string {
  if (userAgent === undefined) {
    return `awsiot-credentialhelper/${VERSION} nodejs/${process.versions.node} ${process.platform}/${process.arch}`;
  }
  if (typeof userAgent === 'string' && USER_AGENT.test(userAgent)) return userAgent;
  throw invalidOption('userAgent', 'must be at most 512 printable ASCII characters', userAgent);
}

/** The longest line of a log: what a PKCS#11 library prints may have any length. */
const MAX_LINE_CHARACTERS = 8000;

/** Checks the option `timeoutMs`. */
export function checkTimeout(timeoutMs: unknown): number {
  if (timeoutMs === undefined) return DEFAULT_TIMEOUT_MS;
  if (Number.isSafeInteger(timeoutMs)) {
    const ms = timeoutMs as number;
    if (ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms;
  }
  throw invalidOption('timeoutMs', `must be a whole number from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs);
}

/**
 * Checks the option `logger`.
 *
 * @returns what logs with it: one line for each message, whatever is in it; a logger that throws stops nothing
 */
export function checkLogger(logger: unknown, name = 'logger'): Logger | undefined {
  if (logger === undefined) return undefined;
  assertObject(logger, name);
  for (const level of ['debug', 'info', 'warn', 'error']) {
    if (typeof (logger as Record<string, unknown>)[level] !== 'function') {
      throw invalidOption(
        name,
        `must have the methods debug, info, warn and error; ${level} is missing`,
      );
    }
  }
  const given = logger as Logger;
  const log = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string) => {
    try {
      given[level]?.(excerpt(message, MAX_LINE_CHARACTERS));
    } catch {
      // There is nowhere to report it.
    }
  };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    ...(typeof given.trace === 'function' ? { trace: log('trace') } : {}),
  };
}

/** Where what a token tells goes: warnings, each once, and each call where the logger has `trace`. */
export function logEvents(logger: Logger | undefined): {
  readonly warn: Warn;
  readonly trace: ((line: string) => void) | undefined;
} {
  const warned = new Set<string>();
  return {
    warn(message) {
      // A file is read when it is checked and each time it is used.
      if (!warned.has(message)) logger?.warn(message);
      warned.add(message);
    },
    trace: logger?.trace && ((line) => logger.trace?.(line)),
  };
}

/** Checks an option that is a certificate, key or CA. */
function requireSource(value: unknown, name: string, others: readonly Source[] = []): Source {
  if (value === undefined) throw invalidOption(name, 'is required');
  if (isUint8Array(value)) {
    if (value.length === 0) throw invalidOption(name, 'is empty');
    return openSource(value, name);
  }
  if (isUrl(value)) return openSource(value, name, others);
  if (typeof value !== 'string') {
    throw invalidOption(name, `must be a path, PEM text or bytes, got ${kindOf(value)}`);
  }
  const text = requireText(value, name);
  if (isPkcs11Uri(text)) {
    throw new CredentialHelperError(`"${name}" is a PKCS#11 URI`, {
      code: 'ERR_INVALID_OPTION',
      hint:
        name === 'privateKey'
          ? 'pass it as "pkcs11": { uri }'
          : 'only the certificate of a key in a token can be one; the key\'s own is "pkcs11": { uri }',
    });
  }
  return openSource(text, name, others);
}
