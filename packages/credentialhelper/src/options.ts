import { KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from '@smithy/types';
import { type Endpoint, isRegionName, parseEndpoint } from './endpoint.ts';
import { CredentialHelperError } from './errors.ts';
import { isPkcs11Uri, type Pkcs11Uri } from './identity/pkcs11-uri.ts';
import { isPem, type Source } from './identity/read-source.ts';
import { Secret } from './identity/secret.ts';

/** A private key that lives in a PKCS#11 token. */
export interface Pkcs11Options {
  /** Path of the PKCS#11 library, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly library: string;
  /**
   * The user's PIN. Leave it out for a token that wants no login; `null` for a token that asks for the PIN on its own
   * keypad. A PIN that the token rejects is not tried again by this process.
   */
  readonly userPin?: string | null | undefined;
  /** Id of the slot that the token is in: a whole number, 0 included. */
  readonly slotId?: number | undefined;
  /** Label of the token. With neither `slotId` nor `tokenLabel`, the library must show exactly one token. */
  readonly tokenLabel?: string | undefined;
  /** Label of the private key. Without it, the token must hold exactly one private key. */
  readonly privateKeyLabel?: string | undefined;
}

/** What `createSession` and `fromIotCore` take. */
export interface IotCoreOptions {
  /**
   * The credential provider's endpoint: `host` or `host:port` (default port 443), where host is a name, an IPv4
   * address, or an IPv6 address in brackets. `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints
   * it.
   */
  readonly endpoint: string;
  /** Name of the role alias: 1 to 128 of letters, digits and `_ = , @ -`. */
  readonly roleAlias: string;
  /**
   * Name of the thing that the certificate is attached to: 1 to 128 of letters, digits and `: _ -`. Needed where
   * policies use thing variables.
   */
  readonly thingName?: string | undefined;
  /**
   * The device certificate, with the certificates of its chain if any: a path, PEM text, or PEM or DER bytes. A file is
   * read again each time credentials are fetched.
   */
  readonly certificate: string | Uint8Array;
  /**
   * The private key: a path, PEM text, PEM or DER bytes (PKCS#1, SEC1, PKCS#8, encrypted PKCS#8), or a `KeyObject`.
   * A file is read again each time credentials are fetched. Exactly one of `privateKey` and `pkcs11` is given.
   */
  readonly privateKey?: string | Uint8Array | KeyObject | undefined;
  /** Passphrase of an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
  /** A private key in a PKCS#11 token, instead of `privateKey`. */
  readonly pkcs11?: Pkcs11Options | undefined;
  /**
   * The CA certificates to trust instead of Node's: a path, PEM text, or PEM or DER bytes. AWS's own endpoints need
   * none.
   */
  readonly ca?: string | Uint8Array | undefined;
  /** AWS region, such as `eu-west-1`. Default: read from `endpoint`. */
  readonly region?: string | undefined;
  /**
   * `false` does not check who the server is: anybody on the way can then hand out credentials. Default true.
   *
   * @deprecated Shown as deprecated so that it stands out; only for experiments. Pass `ca` instead.
   */
  readonly verifyPeer?: boolean | undefined;
  /** How long one exchange may take altogether, in milliseconds: 1 to 600 000. Default 10 000. */
  readonly timeoutMs?: number | undefined;
  /**
   * What speaks TLS for a key in a token: `node` (Node with the OpenSSL engine of libp11; TLS 1.2 and 1.3), `crt` (the
   * npm package aws-crt; TLS 1.2), or `auto`, the default: `node` where the engine is installed, else `crt`. A key from
   * a file always goes through Node.
   */
  readonly tls?: 'auto' | 'node' | 'crt' | undefined;
  /**
   * `false` loads the PKCS#11 library into this process. Default true: it is loaded in a short-lived child process, so
   * that it can neither crash nor block this one. Only for commands that exit at once, and for bundlers.
   */
  readonly isolate?: boolean | undefined;
  /** Where notes, warnings and details go. Default: nowhere, except that `verifyPeer: false` is always warned of. */
  readonly logger?: Logger | undefined;
}

/** A key in a token, and how to get at it. */
export interface TokenKey {
  /** Absolute path of the PKCS#11 library. */
  readonly library: string;
  /** The PIN; `null`: the token has its own keypad; `undefined`: no login. */
  readonly pin: Secret | null | undefined;
  /** What the token and the key must match. */
  readonly match: Pkcs11Uri;
}

/** The options, checked and in one form. */
export interface Settings {
  readonly endpoint: Endpoint;
  readonly region: string | undefined;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  readonly certificate: Source;
  readonly key:
    | {
        readonly kind: 'file';
        readonly source: Source | KeyObject;
        readonly passphrase: Secret | undefined;
      }
    | {
        readonly kind: 'token';
        readonly token: TokenKey;
        readonly tls: 'auto' | 'node' | 'crt';
        readonly isolate: boolean;
      };
  readonly ca: Source | undefined;
  readonly verifyPeer: boolean;
  readonly timeoutMs: number;
  readonly logger: Logger | undefined;
}

const OPTION_NAMES: readonly string[] = [
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
  'tls',
  'isolate',
  'logger',
] satisfies readonly (keyof IotCoreOptions)[];

const PKCS11_OPTION_NAMES: readonly string[] = [
  'library',
  'userPin',
  'slotId',
  'tokenLabel',
  'privateKeyLabel',
] satisfies readonly (keyof Pkcs11Options)[];

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
export function checkOptions(options: IotCoreOptions): Settings {
  assertObject(options, 'options');
  refuseUnknown(options, OPTION_NAMES, '');
  const endpoint = parseEndpoint(requireText(options.endpoint, 'endpoint'));
  const region = optionalText(options.region, 'region');
  if (region !== undefined && !isRegionName(region)) {
    throw invalid('region', 'must be the name of an AWS region, such as eu-west-1', region);
  }
  const roleAlias = requireText(options.roleAlias, 'roleAlias');
  if (!ROLE_ALIAS.test(roleAlias)) {
    throw invalid('roleAlias', 'must be 1 to 128 of letters, digits and _ = , @ -', roleAlias);
  }
  const thingName = optionalText(options.thingName, 'thingName');
  if (thingName !== undefined && !THING_NAME.test(thingName)) {
    throw invalid('thingName', 'must be 1 to 128 of letters, digits and : _ -', thingName);
  }
  return {
    endpoint,
    region: region ?? endpoint.region,
    roleAlias,
    thingName,
    certificate: requireSource(options.certificate, 'certificate'),
    key: checkKey(options),
    ca: options.ca === undefined ? undefined : requireSource(options.ca, 'ca'),
    verifyPeer: checkBoolean(options.verifyPeer, 'verifyPeer', true),
    timeoutMs: checkTimeout(options.timeoutMs),
    logger: checkLogger(options.logger),
  };
}

function checkKey(options: IotCoreOptions): Settings['key'] {
  const { privateKey, pkcs11 } = options;
  if ((privateKey === undefined) === (pkcs11 === undefined)) {
    const problem = privateKey === undefined ? 'neither was given' : 'both were given';
    throw new CredentialHelperError(
      `exactly one of "privateKey" and "pkcs11" says where the private key is; ${problem}`,
      {
        code: 'ERR_KEY_SOURCE',
        hint: '"privateKey" is for a key in a file or in memory, "pkcs11" for a key in a token',
      },
    );
  }
  const passphrase = optionalText(options.passphrase, 'passphrase', { secret: true });
  const tls = options.tls ?? 'auto';
  if (tls !== 'auto' && tls !== 'node' && tls !== 'crt') {
    throw invalid('tls', 'must be "auto", "node" or "crt"', tls);
  }
  const isolate = checkBoolean(options.isolate, 'isolate', true);
  if (pkcs11 !== undefined) {
    if (passphrase !== undefined) {
      throw invalid('passphrase', 'belongs to "privateKey"; for "pkcs11" the PIN is "userPin"');
    }
    return { kind: 'token', token: checkPkcs11(pkcs11), tls, isolate };
  }
  if (tls === 'crt') {
    throw invalid(
      'tls',
      'is "crt", which is for keys in a token; a key from a file goes through Node',
    );
  }
  const source =
    privateKey instanceof KeyObject ? privateKey : requireSource(privateKey, 'privateKey');
  return {
    kind: 'file',
    source,
    passphrase: passphrase === undefined ? undefined : new Secret(passphrase),
  };
}

function checkPkcs11(options: Pkcs11Options): TokenKey {
  assertObject(options, 'pkcs11');
  refuseUnknown(options, PKCS11_OPTION_NAMES, 'pkcs11.');
  const { slotId, userPin } = options;
  if (slotId !== undefined && !(Number.isSafeInteger(slotId) && slotId >= 0)) {
    throw invalid('pkcs11.slotId', 'must be a whole number, 0 or more', slotId);
  }
  const tokenLabel = optionalText(options.tokenLabel, 'pkcs11.tokenLabel');
  const object = optionalText(options.privateKeyLabel, 'pkcs11.privateKeyLabel');
  const pin = userPin === null ? null : optionalText(userPin, 'pkcs11.userPin', { secret: true });
  return {
    library: checkLibrary(options.library),
    pin: pin == null ? pin : new Secret(pin),
    match: {
      type: 'private',
      ...(slotId === undefined ? {} : { slotId }),
      ...(tokenLabel === undefined ? {} : { token: tokenLabel }),
      ...(object === undefined ? {} : { object }),
    },
  };
}

function checkLibrary(library: unknown): string {
  const path = resolve(requireText(library, 'pkcs11.library'));
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) return path;
  throw new CredentialHelperError(
    `"pkcs11.library" ${path} ${stats === undefined ? 'does not exist' : 'is not a file'}`,
    {
      code: 'ERR_PKCS11_LIBRARY',
      hint: 'give the path of the PKCS#11 library that came with the token or its driver',
    },
  );
}

function checkTimeout(timeoutMs: unknown): number {
  if (timeoutMs === undefined) return DEFAULT_TIMEOUT_MS;
  if (Number.isSafeInteger(timeoutMs)) {
    const ms = timeoutMs as number;
    if (ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms;
  }
  throw invalid('timeoutMs', `must be a whole number from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs);
}

function checkLogger(logger: unknown): Logger | undefined {
  if (logger === undefined) return undefined;
  assertObject(logger, 'logger');
  for (const level of ['debug', 'info', 'warn', 'error']) {
    if (typeof (logger as Record<string, unknown>)[level] !== 'function') {
      throw invalid(
        'logger',
        `must have the methods debug, info, warn and error; ${level} is missing`,
      );
    }
  }
  return logger as Logger;
}

function checkBoolean(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalid(name, 'must be true or false', value);
  return value;
}

function requireText(value: unknown, name: string): string {
  const text = optionalText(value, name);
  if (text === undefined) throw invalid(name, 'is required');
  return text;
}

function optionalText(
  value: unknown,
  name: string,
  { secret }: { secret: boolean } = { secret: false },
): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') {
    throw invalid(name, secret ? 'must be text' : `must be text, and is ${kindOf(value)}`);
  }
  if (value === '') throw invalid(name, 'is empty');
  if (value.includes('\0')) throw invalid(name, 'has a NUL character');
  return value;
}

function requireSource(value: unknown, name: string): Source {
  if (value === undefined) throw invalid(name, 'is required');
  if (value instanceof Uint8Array) {
    if (value.length === 0) throw invalid(name, 'is empty');
    return value;
  }
  if (typeof value !== 'string') {
    throw invalid(name, `must be a path, PEM text or bytes, and is ${kindOf(value)}`);
  }
  const text = requireText(value, name);
  if (isPkcs11Uri(text)) throw invalid(name, 'is a PKCS#11 URI, which is not taken here');
  return isPem(text) ? text : resolve(text);
}

function assertObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalid(name, `must be an object, and is ${kindOf(value)}`);
  }
}

function refuseUnknown(value: object, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const near = known.find((option) => option.toLowerCase() === name.toLowerCase());
    throw new CredentialHelperError(`unknown option "${prefix}${name}"`, {
      code: 'ERR_INVALID_OPTION',
      hint: near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`,
    });
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

function invalid(name: string, problem: string, value?: unknown): CredentialHelperError {
  const shown =
    value === undefined ? '' : `: ${String(JSON.stringify(value) ?? value).slice(0, 80)}`;
  return new CredentialHelperError(`"${name}" ${problem}${shown}`, { code: 'ERR_INVALID_OPTION' });
}
