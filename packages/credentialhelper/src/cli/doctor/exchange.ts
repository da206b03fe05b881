import type { X509Certificate } from 'node:crypto';
import type { ErrorCode } from '../../error-codes.ts';
import { isCredentialHelperError } from '../../errors.ts';
import { exchange, type TemporaryCredentials } from '../../exchange/exchange.ts';
import { httpDate } from '../../exchange/http-date.ts';
import { createMutualTls } from '../../exchange/mutual-tls.ts';
import { watchCertificateDates } from '../../identity/certificate-dates.ts';
import type { HttpsResponse } from '../../tls/client.ts';
import { askCallerIdentity } from '../session/caller-identity.ts';
import { describeEndpoint } from './commands.ts';
import { type Finding, failedWith, type RemedyCommand, skipped, worked } from './finding.ts';
import { type DeviceNames, serviceCommands } from './service.ts';
import type { ValidSettings } from './settings.ts';

/** What came of the one request for credentials. */
export interface Attempt {
  readonly credentials: TemporaryCredentials | undefined;
  /** The error, if there are none. */
  readonly error: unknown;
  /** The response, of any status. */
  readonly response: HttpsResponse | undefined;
  /** The certificate that belongs to the key; of a token only if the key in it was found, and could be used. */
  readonly certificate: X509Certificate | undefined;
  /** How far this device's clock is ahead of the server's, in milliseconds, if the response has a date. */
  readonly skewMs: number | undefined;
}

/** Sends one request for credentials, without a retry; a library for a token runs in a child process. */
export async function tryExchange(
  settings: ValidSettings,
  warn: (text: string) => void,
): Promise<Attempt> {
  const { endpoint, roleAlias, thingName, userAgent } = settings;
  let certificate: X509Certificate | undefined;
  let response: HttpsResponse | undefined;
  let skewMs: number | undefined;
  const dates = watchCertificateDates(undefined, Date.now);
  const see = (seen: X509Certificate) => {
    certificate = seen;
    dates.see(seen);
  };
  const result = (credentials?: TemporaryCredentials, error?: unknown): Attempt => {
    const isProven = settings.key.kind === 'file' || response !== undefined || isOnWire(error);
    const proven = isProven ? certificate : undefined;
    return { credentials, error, response, certificate: proven, skewMs };
  };
  try {
    const get = createMutualTls(isolated(settings), { ...dates, see }, { warn });
    const { credentials } = await exchange(
      { ...endpoint, roleAlias, thingName, userAgent },
      async (request) => {
        response = await get(request);
        const serverMs = httpDate(response.headers.date);
        skewMs = serverMs === undefined ? undefined : Date.now() - serverMs;
        return response;
      },
      Date.now,
      dates.explain,
    );
    return result(credentials);
  } catch (error) {
    return result(undefined, error);
  }
}

/** Whether an error is one of the network: a key in a token is tested before. */
function isOnWire(error: unknown): boolean {
  return isCredentialHelperError(error) && ON_WIRE.has(error.code);
}

const ON_WIRE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['ERR_DNS', 'ERR_CONNECTION_REFUSED', 'ERR_CONNECTION_RESET', 'ERR_NETWORK'] as const),
  ...([
    'ERR_PROXY',
    'ERR_PROXY_REFUSED',
    'ERR_TIMEOUT',
    'ERR_TLS_VERSION',
    'ERR_TLS_HANDSHAKE',
  ] as const),
  ...(['ERR_SERVER_UNTRUSTED', 'ERR_SERVER_NAME_MISMATCH'] as const),
  ...(['ERR_SERVER_CERTIFICATE_DATE', 'ERR_CLIENT_CERTIFICATE_REFUSED'] as const),
  ...(['ERR_CERTIFICATE_EXPIRED', 'ERR_CERTIFICATE_NOT_YET_VALID'] as const),
  ...(['ERR_RESPONSE_INVALID', 'ERR_RESPONSE_TRUNCATED', 'ERR_RESPONSE_TOO_LARGE'] as const),
]);

/** The settings for a token in a child process, whatever they say: its library may crash. */
function isolated(settings: ValidSettings): ValidSettings {
  const { key } = settings;
  if (key.kind !== 'token' || key.token.isolate !== false) return settings;
  return { ...settings, key: { ...key, token: { ...key.token, isolate: {} } } };
}

/** The finding for the credentials: the answer of the service, and the resource that it is about. */
export function credentialsFinding(
  { credentials, error, response }: Attempt,
  { endpoint, region, roleAlias }: ValidSettings,
  names: DeviceNames | undefined,
): Finding {
  if (credentials !== undefined) {
    const until = credentials.expiration.toISOString();
    return worked('credentials', `for role alias "${roleAlias}", valid until ${until}`);
  }
  if (!isCredentialHelperError(error)) return failedWith('credentials', error);
  const isPage = /\bhtml\b/.test(response?.headers['content-type'] ?? '');
  if (isPage) {
    const finding = failedWith('credentials', error, [describeEndpoint(region.name)]);
    const what = `a web page answered instead of ${endpoint.authority}: a captive portal (sign in to the network), a proxy, or another server`;
    return { ...finding, remedy: { ...finding.remedy, what } };
  }
  const commands: readonly RemedyCommand[] =
    names === undefined ? [] : serviceCommands(error.code, names);
  const finding = failedWith('credentials', error, commands);
  const isWithoutThing = error.code === 'ERR_ACCESS_DENIED' && names?.thingName === undefined;
  if (!isWithoutThing || finding.remedy === undefined) return finding;
  const what = `${finding.remedy.what}; a policy with variables of the thing (\${iot:Connection.Thing…}) also requires the name of the thing, which is not set`;
  return { ...finding, remedy: { ...finding.remedy, what } };
}

/** The finding for the identity of the credentials. */
export async function identityFinding(
  { credentials }: Attempt,
  { region, timeoutMs, proxyOption }: ValidSettings,
): Promise<Finding> {
  if (credentials === undefined) return skipped('identity', 'not tested: there are no credentials');
  try {
    const { arn } = await askCallerIdentity(region.name, credentials, timeoutMs, proxyOption);
    return worked('identity', arn);
  } catch (error) {
    const finding = failedWith('identity', error);
    // The credentials may be used where AWS STS cannot be reached.
    return finding.code === 'ERR_STS_UNREACHABLE' ? { ...finding, status: 'warn' } : finding;
  }
}

/** Less is due to the whole seconds of the server's date, and the time of the response; in milliseconds. */
const TOLERATED_SKEW_MS = 10_000;

/** AWS refuses signatures that are off by 5 minutes; in milliseconds. */
const MAX_SKEW_MS = 5 * 60_000;

/** The finding for this device's clock. */
export function clockFinding(skewMs: number | undefined): Finding {
  if (skewMs === undefined)
    return skipped('clock', 'not compared: the server did not say its time');
  const size = Math.abs(skewMs);
  const seen = `${duration(size)} ${skewMs > 0 ? 'ahead of' : 'behind'} the server's`;
  if (size <= TOLERATED_SKEW_MS)
    return worked('clock', `as the server's: ${new Date().toISOString()}`);
  const status = size > MAX_SKEW_MS ? 'failed' : 'warn';
  return {
    step: 'clock',
    status,
    seen: `${seen}: it says ${new Date().toISOString()}`,
    remedy: {
      what: 'set the clock; AWS refuses signatures that are off by 5 minutes or more',
      commands: [
        { purpose: 'show', command: 'timedatectl status' },
        { purpose: 'fix', command: 'timedatectl set-ntp true' },
      ],
    },
  };
}

function duration(ms: number): string {
  const [size, unit] =
    UNITS.map(([unitMs, name]) => [ms / unitMs, name] as const).find(([count]) => count >= 2) ??
    ([ms / 1000, 'seconds'] as const);
  return `${Math.round(size)} ${unit}`;
}

const UNITS = [
  [24 * 3_600_000, 'days'],
  [3_600_000, 'hours'],
  [60_000, 'minutes'],
] as const;
