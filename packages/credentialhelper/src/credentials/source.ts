import { CredentialHelperError } from '../errors.ts';
import { type Exchanged, exchange, type TemporaryCredentials } from '../exchange/exchange.ts';
import { createMutualTls } from '../exchange/mutual-tls.ts';
import { sourceVersion } from '../exchange/source-version.ts';
import { watchCertificateDates } from '../identity/certificate-dates.ts';
import { traceFetch } from '../observe/channels.ts';
import { Counters, type SessionStats } from '../observe/stats.ts';
import { loggerOfClient, type Settings } from '../options/options.ts';
import { holdProcess } from '../process/hold.ts';
import { after, bootMs, setImmediate } from '../process/timers.ts';
import {
  createRefresher,
  type Fetched,
  type RefreshOptions,
  type SharedQueue,
} from '../refresh/refresher.ts';
import { createExpiration, type WallTime, watchSkew } from './device-time.ts';
import { instant, retryOf, withTries } from './tries.ts';
import type { IotCoreCredentialProvider } from './types.ts';

/** A source of credentials, with the methods of its owner. */
export interface CredentialSource {
  readonly credentials: IotCoreCredentialProvider;
  /** When the current credentials expire, by this device's clock. */
  expiration(): Date | undefined;
  /** The statistics so far. */
  stats(): SessionStats;
  /** Fetches the first credentials in the background. */
  prefetch(): void;
  /** See `Session.close`. */
  close(): Promise<void>;
}

/** The clocks, timers and random numbers of a source. */
export interface SourceClock extends Pick<RefreshOptions<unknown>, 'now' | 'after' | 'random'> {
  /** This device's clock, in epoch milliseconds. */
  readonly wallMs: () => number;
}

/** Those of this device. */
const DEVICE_CLOCK: SourceClock = {
  now: bootMs,
  after,
  // Looked up at each call: tests of applications replace it.
  wallMs: () => Date.now(),
  random: Math.random,
};

/**
 * The source of credentials for validated options.
 *
 * @param shared - the queue for one of many sources
 * @param clock - a fake clock for tests of the backoff; the timeouts of requests do not use it
 */
export function createSource(
  settings: Settings,
  shared?: SharedQueue,
  clock: SourceClock = DEVICE_CLOCK,
): CredentialSource {
  const { endpoint, roleAlias, thingName, userAgent, maxWaitMs, keepFresh } = settings;
  // That of the session, else of the client that called last.
  let { logger } = settings;
  const { now, wallMs } = clock;
  const dates = watchCertificateDates(logger, wallMs);
  const skew = watchSkew((text) => logger?.warn(text));
  const get = createMutualTls(settings, dates);
  /** Converts a time of the refresher's clock to this device's clock. */
  const wallTime: WallTime = (atMs) => new Date(wallMs() + (atMs - now()));

  const counters = new Counters();
  const target = { ...endpoint, roleAlias, thingName, userAgent };

  const fetchOnce = async (): Promise<Fetched<TemporaryCredentials>> => {
    const { credentials, lifeMs, skewMs, answer } = await exchange(
      target,
      get,
      wallMs,
      dates.explain,
    );
    counters.fetched(skewMs);
    skew(skewMs);
    logger?.debug(describeAnswer(endpoint.authority, answer));
    logger?.info(
      `credentials for role alias "${roleAlias}" from ${endpoint.authority}, valid until ${credentials.expiration.toISOString()}`,
    );
    return { value: credentials, lifeMs };
  };
  const fetch = (): Promise<Fetched<TemporaryCredentials>> => {
    const context = { endpoint: endpoint.authority, roleAlias, thingName };
    return traceFetch(context, fetchOnce, ({ value }) => ({ expiration: value.expiration })).catch(
      (error: unknown) => {
        counters.failed(error);
        logger?.debug(`no credentials: ${(error as Error).message}`);
        throw error;
      },
    );
  };
  const refresher = createRefresher({
    ...clock,
    fetch,
    hold: holdProcess,
    maxWaitMs,
    keepFresh,
    shared,
    retryOf: (error) => retryOf(error, settings),
    sourceVersion: () => sourceVersion(settings),
    explain: (failures) => withTries(failures, wallTime),
    closed: () =>
      new CredentialHelperError('the session was closed', {
        code: 'ERR_SESSION_CLOSED',
        hint: 'create another',
      }),
    onRefreshFailed: (failures, current) => {
      const { message } = withTries(failures, wallTime) as Error;
      const atHand =
        current === undefined
          ? 'there are no current credentials'
          : `the current credentials stay valid until ${wallTime(current.endsAtMs).toISOString()}`;
      logger?.warn(
        `refreshing the credentials failed: ${message}; ${atHand}; next attempt ${instant(failures.retryAtMs, wallTime)}`,
      );
    },
  });
  const expirationOf = createExpiration(wallTime);
  return {
    async credentials({ forceRefresh, abortSignal, callerClientConfig } = {}) {
      if (settings.logger === undefined) {
        logger = loggerOfClient(callerClientConfig, 'callerClientConfig') ?? logger;
      }
      const current = refresher.current();
      const given = await refresher
        .get({ forceRefresh: forceRefresh === true, abortSignal })
        .catch(rejectLater);
      if (given === current) counters.served();
      // A copy for each caller: the SDK modifies it.
      return { ...given.value, expiration: expirationOf(given) };
    },
    expiration() {
      const current = refresher.current();
      return current && expirationOf(current);
    },
    stats() {
      const dueAtMs = refresher.dueAtMs();
      return counters.stats(dueAtMs === undefined ? undefined : wallTime(dueAtMs));
    },
    prefetch: refresher.prefetch,
    close: refresher.close,
  };
}

/**
 * Rejects in the next iteration of the event loop: during the backoff the last error comes at once, so a caller in a loop
 * would block the event loop.
 */
function rejectLater(error: unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    setImmediate(() => reject(error));
  });
}

/** One log line for a response, for diagnosis of slow or failing requests. */
function describeAnswer(authority: string, { status, requestId, connection }: Exchanged['answer']) {
  const { address, tlsVersion, server, lookupMs, connectMs, handshakeMs, responseMs } = connection;
  const steps = Object.entries({
    lookup: lookupMs,
    connect: connectMs,
    'TLS handshake': handshakeMs,
    response: responseMs,
  }).flatMap(([step, ms]) => (ms === undefined ? [] : [`${step} ${ms} ms`]));
  return `${authority} (${address}, ${tlsVersion}, server ${server}) responded with HTTP ${status}, request id ${requestId ?? 'none'}: ${steps.join(', ')}`;
}
