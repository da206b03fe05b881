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
import { environmentLogger } from '../observe/environment-logger.ts';
import type { Log } from '../observe/log.ts';
import { VERSION } from '../version.ts';
import {
  assertObject,
  invalidOption,
  kindOf,
  optionalBoolean,
  optionalText,
  optionalWholeNumber,
  ownOptions,
  readingOptions,
  requireText,
} from './assert.ts';
import { type Endpoint, isRegionName, parseEndpoint } from './endpoint.ts';
import { checkLogger, logEvents, loggerOfClient } from './logger.ts';
import { checkProxy, type HttpProxy } from './proxy.ts';
import type { Region } from './region.ts';
import {
  checkCertificateUri,
  checkTokenOptions,
  type Pkcs11Options,
  TOKEN_OPTION_NAMES,
  type TokenSettings,
} from './token-options.ts';

/** Options of a session with any private key. */
export interface CommonInit {
  /**
   * The credential provider's endpoint: `host` or `host:port` (default port 443), where host is a name, an IPv4
   * address, or an IPv6 address in brackets. `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints
   * it. A URL with the scheme `https://`, with or without the path of the credential provider, is also accepted.
   */
  readonly endpoint: string;
  /** Name of the role alias: 1 to 128 characters: letters, digits and `_ = , @ -`. */
  readonly roleAlias: string;
  /**
   * Name of the thing that the certificate is attached to: 1 to 128 characters: letters, digits and `: _ -`. Required
   * if policies use thing policy variables.
   */
  readonly thingName?: string | undefined;
  /**
   * The device certificate, with the certificates of its chain if any: a path, a `file:` URL, PEM text, or PEM or DER
   * bytes, which are copied. A file is read again for each fetch of credentials, a pipe only once.
   *
   * With a key in a token also a PKCS#11 URI, for a certificate in the same token; `pkcs11:` alone means the
   * certificate of the key. Of several, the one with the latest expiration is used, with its chain if the token holds
   * it.
   */
  readonly certificate: string | URL | Uint8Array;
  /**
   * The CA certificates to trust instead of those of Node.js: a path, a `file:` URL, PEM text, or PEM or DER bytes.
   * AWS's own endpoints need none.
   */
  readonly ca?: string | URL | Uint8Array | undefined;
  /**
   * AWS region, such as `eu-west-1`. Default: read from `endpoint`; if the name has none, the region of
   * `parentClientConfig`, then the environment variable `AWS_REGION`, then `AWS_DEFAULT_REGION`.
   */
  readonly region?: string | undefined;
  /**
   * **Dangerous: `false` accepts any server certificate.** Any attacker on the network can then return credentials;
   * each process logs a warning. Only for experiments: pass `ca` instead. Default true.
   */
  readonly verifyPeer?: boolean | undefined;
  /**
   * Timeout of a request in milliseconds, 1 to 600 000. For a key in a token it includes queueing and the start of the
   * child process. Default 10 000.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a call for credentials waits for a retry after a failure, in milliseconds: 0 to 3 600 000. Default: 1.2
   * times `timeoutMs`. 0: it rejects with the first error.
   */
  readonly maxWaitMs?: number | undefined;
  /**
   * `true` refreshes the credentials proactively after the first fetch, so that they are always available: for
   * servers. It does not keep the process running. Default false.
   */
  readonly keepFresh?: boolean | undefined;
  /**
   * The URL of a proxy that requests are sent through, with HTTP CONNECT: `http://HOST:PORT`, or `https:` for a proxy
   * that is itself reached over TLS, with `USER:PASSWORD@` before the host if it requires them. TLS to the endpoint, with the
   * certificate of the device, passes through it unread. `false` or `''`: none. Default: the environment variable
   * `https_proxy`, else `HTTPS_PROXY`, unless `no_proxy`, else `NO_PROXY`, excludes the endpoint.
   */
  readonly proxy?: string | false | undefined;
  /**
   * The `User-Agent` header of requests: 1 to 512 printable ASCII characters; `''` sends none. Default: name and
   * version of this package, version of Node.js, and platform, such as
   * `awsiot-credentialhelper/0.1.0 nodejs/24.11.0 linux/arm64`.
   */
  readonly userAgent?: string | undefined;
  /**
   * The logger for messages and warnings; its method `trace`, if any, is called for each PKCS#11 call. Default: stderr
   * if the environment variable `AWS_IOT_LOG` is a level (`trace`, `debug`, `info`, `warn`, `error`), else that of
   * `parentClientConfig`, else none; `verifyPeer: false` always emits a warning.
   */
  readonly logger?: Logger | undefined;
  /** The configuration of the parent client, as passed by provider chains of the AWS SDK. */
  readonly parentClientConfig?: ClientConfig | undefined;
}

/** The properties that are read from the configuration of a client of the AWS SDK. */
export interface ClientConfig {
  /** The region; ignored if it is a function. */
  readonly region?: string | (() => Promise<string>) | undefined;
  /** Used if the session has no logger of its own. */
  readonly logger?: Logger | undefined;
}

/** Options of a session with a private key in a file or in memory. */
export interface FileKeyInit extends CommonInit {
  /**
   * The private key: a path, a `file:` URL, PEM text, PEM or DER bytes (PKCS#1, SEC1, PKCS#8, encrypted PKCS#8), or a
   * `KeyObject`. A file is read again for each fetch of credentials, a pipe only once.
   */
  readonly privateKey: string | URL | Uint8Array | KeyObject;
  /** Passphrase of an encrypted `privateKey`, or its source. */
  readonly passphrase?: SecretSource | undefined;
  /** Not with `privateKey`. */
  readonly pkcs11?: undefined;
}

/** Options of a session with a private key in a PKCS#11 token. */
export interface TokenKeyInit extends CommonInit {
  /** The token and the key, and how they are used. */
  readonly pkcs11: Pkcs11Options;
  /** Not with `pkcs11`. */
  readonly privateKey?: undefined;
  /** Not with `pkcs11`: a token has a PIN, `userPin`. */
  readonly passphrase?: undefined;
}

/** Options of `createSession` and `fromIotCore`, with exactly one of `privateKey` and `pkcs11`. */
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
  /** A source to read, or the attributes of the certificate in the token. */
  readonly certificate: { readonly source: Source } | { readonly match: Pkcs11Uri };
  readonly token: TokenSettings;
}

/** The validated, normalized options. */
export interface Settings {
  readonly endpoint: Endpoint;
  readonly region: Region | undefined;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  readonly key: FileKeySettings | TokenKeySettings;
  readonly ca: Source | undefined;
  readonly verifyPeer: boolean;
  readonly timeoutMs: number;
  /** How long a call for credentials waits for a retry, in milliseconds. */
  readonly maxWaitMs: number;
  readonly keepFresh: boolean;
  readonly proxy: HttpProxy | undefined;
  /** Empty: not sent. */
  readonly userAgent: string;
  readonly logger: Log | undefined;
  /** Logs each warning once. */
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
  'maxWaitMs',
  'keepFresh',
  'proxy',
  'userAgent',
  'logger',
  'parentClientConfig',
];

// The patterns of AWS IoT's API model.
const ROLE_ALIAS = /^[\w=,@-]{1,128}$/;
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;

/** The default timeout of a request, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 10_000;
/** The maximum timeout of a request, in milliseconds. */
export const MAX_TIMEOUT_MS = 600_000;

/**
 * Validates and normalizes the options. Reads nothing except whether the PKCS#11 library is a file.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`, `ERR_DATA_ENDPOINT`,
 * `ERR_PKCS11_LIBRARY`
 */
export function checkOptions(given: FromIotCoreInit): Settings {
  return readingOptions(() => readOptions(given));
}

function readOptions(given: FromIotCoreInit): Settings {
  const options = ownOptions(given, OPTION_NAMES, '', IN_PKCS11);
  const shared = checkShared(options);
  const { timeoutMs, warn } = shared;
  return {
    ...shared,
    thingName: checkThingName(optionalText(options.thingName, 'thingName')),
    ...checkIdentity(options, warn),
    maxWaitMs: checkMaxWait(options.maxWaitMs, 0, DEFAULT_PATIENCE * timeoutMs),
  };
}

/** The settings that do not depend on the thing. */
export type SharedSettings = Omit<Settings, 'thingName' | 'key' | 'ca' | 'maxWaitMs'>;

/**
 * Validates the options that do not depend on the thing.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_DATA_ENDPOINT`
 */
export function checkShared(
  options: Omit<CommonInit, 'thingName' | 'certificate' | 'ca' | 'maxWaitMs'>,
): SharedSettings {
  const endpoint = parseEndpoint(requireText(options.endpoint, 'endpoint'), options.roleAlias);
  const region = optionalText(options.region, 'region')?.trim();
  if (region !== undefined && !isRegionName(region)) {
    throw invalidOption('region', 'must be the name of an AWS region, such as eu-west-1', region);
  }
  const parent = checkClientConfig(options.parentClientConfig);
  // Before the client's: clients of the AWS SDK without a logger pass one that does nothing.
  const logger = checkLogger(options.logger) ?? environmentLogger() ?? parent.logger;
  return {
    endpoint,
    region:
      regionFrom(region, 'option') ??
      regionFrom(endpoint.region, 'endpoint') ??
      regionFrom(parent.region, 'parentClientConfig'),
    roleAlias: checkRoleAlias(options.roleAlias),
    verifyPeer: optionalBoolean(options.verifyPeer, 'verifyPeer', true),
    timeoutMs: checkTimeout(options.timeoutMs),
    keepFresh: optionalBoolean(options.keepFresh, 'keepFresh', false),
    proxy: checkProxy(options.proxy, endpoint),
    userAgent: checkUserAgent(options.userAgent),
    logger,
    warn: logEvents(logger).warn,
  };
}

/** Checks the option `roleAlias`. */
export function checkRoleAlias(roleAlias: unknown): string {
  const text = requireText(roleAlias, 'roleAlias');
  if (ROLE_ALIAS.test(text)) return text;
  throw invalidOption(
    'roleAlias',
    'must be 1 to 128 characters: letters, digits and _ = , @ -',
    text,
  );
}

/** Checks the option `thingName`. */
export function checkThingName<Name extends string | undefined>(thingName: Name): Name {
  if (thingName === undefined || THING_NAME.test(thingName)) return thingName;
  throw invalidOption(
    'thingName',
    'must be 1 to 128 characters: letters, digits and : _ -',
    thingName,
  );
}

/** Checks the option `maxWaitMs`. */
export function checkMaxWait(maxWaitMs: unknown, min: number, fallback: number): number {
  return optionalWholeNumber(maxWaitMs, 'maxWaitMs', { min, max: MAX_WAIT_MS, fallback });
}

function regionFrom(name: string | undefined, origin: string): Region | undefined {
  return name === undefined ? undefined : { name, origin };
}

/** Options that belong inside `pkcs11`. */
export const IN_PKCS11 = { name: 'pkcs11', options: TOKEN_OPTION_NAMES } as const;

/** Reads the used properties of an SDK client's configuration; a region of another type is ignored. */
function checkClientConfig(config: unknown): {
  readonly region: string | undefined;
  readonly logger: Log | undefined;
} {
  if (config === undefined) return { region: undefined, logger: undefined };
  assertObject(config, 'parentClientConfig');
  const { region } = config as ClientConfig;
  return {
    region: typeof region === 'string' && isRegionName(region) ? region : undefined,
    logger: loggerOfClient(config, 'parentClientConfig'),
  };
}

/** The options for certificate, key and CA: a part of {@link FromIotCoreInit}. */
export type IdentityOptions = Pick<CommonInit, 'certificate' | 'ca'> & {
  readonly privateKey?: FileKeyInit['privateKey'] | undefined;
  readonly passphrase?: SecretSource | undefined;
  readonly pkcs11?: Pkcs11Options | undefined;
};

/**
 * Validates the options for certificate, key and CA.
 *
 * @param warn - called for files with secrets that other users can read
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

/** Validates the options for certificate and key. */
export function checkKey(options: Omit<IdentityOptions, 'ca'>, warn: Warn): Settings['key'] {
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

/** The maximum of `maxWaitMs`. */
export const MAX_WAIT_MS = 3_600_000;

/** Long enough for a retry after a first request that timed out: the default of `maxWaitMs`, as a multiple of `timeoutMs`. */
export const DEFAULT_PATIENCE = 1.2;

const USER_AGENT = /^[ -~]{0,512}$/;

function checkUserAgent(userAgent: unknown): string {
  if (userAgent === undefined) {
    return `awsiot-credentialhelper/${VERSION} nodejs/${process.versions.node} ${process.platform}/${process.arch}`;
  }
  if (typeof userAgent === 'string' && USER_AGENT.test(userAgent)) return userAgent;
  throw invalidOption('userAgent', 'must be at most 512 printable ASCII characters', userAgent);
}

/** Checks the option `timeoutMs`. */
export function checkTimeout(timeoutMs: unknown): number {
  return optionalWholeNumber(timeoutMs, 'timeoutMs', {
    min: 1,
    max: MAX_TIMEOUT_MS,
    fallback: DEFAULT_TIMEOUT_MS,
  });
}

/** Checks an option that is a certificate, key or CA. */
export function requireSource(
  value: unknown,
  name: string,
  others: readonly Source[] = [],
): Source {
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
