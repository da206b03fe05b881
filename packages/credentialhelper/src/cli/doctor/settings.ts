import { isCredentialHelperError } from '../../errors.ts';
import { isPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import type { Source } from '../../identity/read-source.ts';
import { type Endpoint, parseEndpoint } from '../../options/endpoint.ts';
import {
  checkKey,
  checkOptions,
  checkRoleAlias,
  checkThingName,
  type FromIotCoreInit,
  requireSource,
  type Settings,
} from '../../options/options.ts';
import { checkProxy, type HttpProxy } from '../../options/proxy.ts';
import type { Region } from '../../options/region.ts';
import { regionFor } from '../../options/region.ts';
import type { Layer } from '../../settings/layer.ts';
import { optionsOf } from '../../settings/load.ts';
import { notSet } from '../session/flags.ts';
import { describeEndpoint } from './commands.ts';
import {
  type Finding,
  failedWith,
  knownValue,
  type Outcome,
  outcomeOf,
  type Step,
  worked,
} from './finding.ts';

/** The settings of a session that are valid as a whole. */
export type ValidSettings = Settings & {
  readonly region: Region;
  /** The option `proxy`. */
  readonly proxyOption: unknown;
};

/** The settings of a session, as far as they are valid. */
export interface CheckedSettings {
  /** All of them, if they are valid. */
  readonly all: ValidSettings | undefined;
  readonly endpoint: Outcome<Endpoint>;
  readonly ca: Source | undefined;
  readonly proxy: HttpProxy | undefined;
  readonly verifyPeer: boolean;
  /** Its source; undefined if it is in the token. */
  readonly certificate: Outcome<Source | undefined>;
  /** Key and certificate. */
  readonly key: Outcome<Settings['key']>;
  /** The error of the source of the PIN: `key` is without it. */
  readonly pinProblem: unknown;
  /** The error of another setting. */
  readonly problem: unknown;
}

/**
 * Checks the settings of a session. If one is not valid, the others are checked nevertheless.
 *
 * @param warn - called for files with a PIN or passphrase that other users can read
 */
export function checkSettings(found: Layer, warn: (text: string) => void): CheckedSettings {
  const nothing = () => {};
  const logger = { warn, debug: nothing, info: nothing, error: nothing };
  const init: FromIotCoreInit = { ...optionsOf(found), logger };
  const all = outcomeOf(() => {
    const settings = checkOptions(init);
    return { ...settings, region: regionFor(settings), proxyOption: init.proxy };
  });
  if ('value' in all) {
    const { value } = all;
    const { ca, proxy, verifyPeer, endpoint, key } = value;
    return {
      ...{ all: value, ca, proxy, verifyPeer, problem: undefined, pinProblem: undefined },
      certificate: { value: undefined },
      endpoint: { value: endpoint },
      key: { value: key },
    };
  }
  const parts = {
    endpoint: checkEndpoint(found, init),
    certificate: checkCertificate(found, init),
    key: checkItsKey(found, init, warn),
  };
  const { ca, verifyPeer = true, pkcs11 } = init;
  const withoutPin =
    'error' in parts.key && pkcs11 !== undefined
      ? outcomeOf(() => checkKey({ ...init, pkcs11: { ...pkcs11, userPin: undefined } }, warn))
      : parts.key;
  return {
    ...{ all: undefined, verifyPeer, ...parts, key: withoutPin },
    pinProblem: 'value' in withoutPin && 'error' in parts.key ? parts.key.error : undefined,
    proxy: proxyOf(init, parts.endpoint),
    ca: knownValue(outcomeOf(() => (ca === undefined ? undefined : requireSource(ca, 'ca')))),
    problem: otherProblem(found, init, all.error, parts),
  };
}

/** The proxy, if its option is valid. */
function proxyOf({ proxy }: FromIotCoreInit, endpoint: Outcome<Endpoint>): HttpProxy | undefined {
  if ('error' in endpoint) return undefined;
  return knownValue(outcomeOf(() => checkProxy(proxy, endpoint.value)));
}

function checkEndpoint(found: Layer, init: FromIotCoreInit): Outcome<Endpoint> {
  if (!found.has('endpoint')) return { error: notSet('endpoint') };
  return outcomeOf(() => {
    const endpoint = parseEndpoint(init.endpoint, init.roleAlias);
    const region = { name: init.region ?? endpoint.region ?? '', origin: '' };
    regionFor({ region: region.name === '' ? undefined : region });
    return endpoint;
  });
}

function checkCertificate(
  found: Layer,
  { certificate }: FromIotCoreInit,
): Outcome<Source | undefined> {
  if (!found.has('certificate')) return { error: notSet('certificate') };
  if (typeof certificate === 'string' && isPkcs11Uri(certificate)) return { value: undefined };
  return outcomeOf(() => requireSource(certificate, 'certificate'));
}

const KEYS = ['privateKey', 'pkcs11.library', 'pkcs11.uri'];

function checkItsKey(
  found: Layer,
  init: FromIotCoreInit,
  warn: (text: string) => void,
): Outcome<Settings['key']> {
  if (!KEYS.some((option) => found.has(option))) {
    return { error: notSet('privateKey', 'for a key in a token, --module or --uri') };
  }
  return outcomeOf(() => checkKey(init, warn));
}

/** The error of a setting other than endpoint, certificate and key. */
function otherProblem(
  found: Layer,
  { roleAlias, thingName }: FromIotCoreInit,
  error: unknown,
  parts: Readonly<Record<string, Outcome<unknown>>>,
): unknown {
  if (!found.has('roleAlias')) return notSet('roleAlias');
  const names = outcomeOf(() => [checkRoleAlias(roleAlias), checkThingName(thingName)]);
  if ('error' in names) return names.error;
  return Object.values(parts).some((part) => 'error' in part) ? undefined : error;
}

/** The finding for the settings: each with its origin. */
export function settingsFinding(found: Layer, { problem }: CheckedSettings): Finding {
  const details = [...found].map(
    ([option, { shown, origin }]) => `${option} = ${shown}  (${origin})`,
  );
  if (problem !== undefined) return { ...failedWith('settings', problem), details };
  return worked('settings', `${found.size} ${found.size === 1 ? 'setting' : 'settings'}`, details);
}

const AWS_NAME = /\.credentials\.iot(?:-fips)?\./;

/** The finding for the endpoint: whether it is that of a credential provider. */
export function endpointFinding({ endpoint, all }: CheckedSettings): Finding {
  if ('error' in endpoint) {
    return failedWith('endpoint', endpoint.error, [describeEndpoint(undefined)]);
  }
  const { authority, host, region } = endpoint.value;
  const kind = AWS_NAME.test(`.${host}`) ? '' : ', not a name of AWS';
  const name = all?.region.name ?? region;
  const where = name === undefined ? '' : `, region ${name}`;
  return worked('endpoint', `${authority}${where}${kind}`);
}

/** The step that an error of certificate, key or token belongs to. */
export function stepOf(error: unknown, otherwise: Step): Step {
  if (!isCredentialHelperError(error)) return otherwise;
  return STEPS[error.code] ?? otherwise;
}

const STEPS: Readonly<Partial<Record<string, Step>>> = {
  ERR_CERTIFICATE_INVALID: 'certificate',
  ERR_CERTIFICATE_NOT_FOUND: 'certificate',
  ERR_PKCS11_LIBRARY: 'module',
  ERR_PKCS11_BINDING: 'module',
  ERR_TLS_UNAVAILABLE: 'module',
  ERR_CHILD_PROGRAM: 'module',
  ERR_TOKEN_NOT_FOUND: 'token',
  ERR_TOKEN_AMBIGUOUS: 'token',
  ERR_PIN_REQUIRED: 'pin',
  ERR_SECRET_SOURCE: 'pin',
  ERR_PIN_INCORRECT: 'pin',
  ERR_PIN_LOCKED: 'pin',
  ERR_PIN_FINAL_TRY: 'pin',
  ERR_PIN_UNANSWERED: 'pin',
  ERR_KEY_NOT_FOUND: 'key',
  ERR_KEY_AMBIGUOUS: 'key',
  ERR_KEY_UNSUITABLE: 'key',
  ERR_KEY_CERTIFICATE_MISMATCH: 'key',
  ERR_PKCS11: 'key',
  ERR_TOKEN_TIMEOUT: 'key',
  ERR_TOKEN_CRASHED: 'key',
  ERR_CA_INVALID: 'server',
};
