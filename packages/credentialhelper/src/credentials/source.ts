import { CredentialHelperError } from '../errors.ts';
import { exchange, type TemporaryCredentials } from '../exchange/exchange.ts';
import { createMutualTls } from '../exchange/mutual-tls.ts';
import { sourceVersion } from '../exchange/source-version.ts';
import { type CertificateDates, watchCertificateDates } from '../identity/certificate-dates.ts';
import { traceExchange, traceRefresh } from '../observe/channels.ts';
import { FollowingLog } from '../observe/log.ts';
import { Counters, type SessionStats } from '../observe/stats.ts';
import { describeSettings } from '../options/describe-settings.ts';
import { loggerOfClient } from '../options/logger.ts';
import type { Settings } from '../options/options.ts';
import { holdProcess } from '../process/hold.ts';
import { after, bootMs, setImmediate } from '../process/timers.ts';
import {
  createRefresher,
  type Fetched,
  type RefreshOptions,
  type SharedQueue,
  type Valid,
} from '../refresh/refresher.ts';
import { createExpiration, type WallTime, watchSkew } from './device-time.ts';
import { describeFailures, retryOf, withTries } from './tries.ts';
import type { IotCoreCredentialProvider, IotCoreCredentials } from './types.ts';

/** A source of credentials, with the methods of its owner. */
export interface CredentialSource {
  readonly credentials: IotCoreCredentialProvider;
  /** When the current credentials expire, by this device's clock. */
  expiration(): Date | undefined;
  /** The credentials in memory, unless they have expired. */
  current(): IotCoreCredentials | undefined;
  /** The error of the last fetch, with the number of tries and the time of the next; undefined if it succeeded. */
  failure(): unknown;
  /** What the request that is being sent waits for; undefined if there is none. */
  waitsFor(): 'token' | 'network' | undefined;
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
  const log = new FollowingLog(() => logger, shared === undefined ? '' : `thing "${thingName}": `);
  let isDescribed = false;
  const describeOnce = () => {
    if (isDescribed || log.debug === undefined) return;
    isDescribed = true;
    log.debug(`session: ${describeSettings(settings)}`);
  };
  describeOnce();
  const dates = watchCertificateDates(log, wallMs);
  const skew = watchSkew((text) => log.warn?.(text));
  let waitsFor: ReturnType<CredentialSource['waitsFor']>;
  const seen: CertificateDates = {
    ...dates,
    see(certificate) {
      if (waitsFor !== undefined) waitsFor = 'network';
      dates.see(certificate);
    },
  };
  const get = createMutualTls(settings, seen, log);
  /** Converts a time of the refresher's clock to this device's clock. */
  const wallTime: WallTime = (atMs) => new Date(wallMs() + (atMs - now()));

  const counters = new Counters();
  let failure: unknown;
  const target = { ...endpoint, roleAlias, thingName, userAgent };

  const traced = { endpoint: endpoint.authority, roleAlias, thingName };

  const fetchOnce = async (): Promise<Fetched<TemporaryCredentials>> => {
    waitsFor = settings.key.kind === 'token' ? 'token' : 'network';
    const { credentials, lifeMs, skewMs } = await traceExchange(
      { ...traced },
      () => exchange(target, get, wallMs, dates.explain),
      ({ credentials: { expiration }, requestId, skewMs }) => ({ expiration, requestId, skewMs }),
    ).finally(() => {
      waitsFor = undefined;
    });
    counters.fetched(skewMs);
    skew(skewMs);
    log.info?.(
      `credentials for role alias "${roleAlias}" from ${endpoint.authority}, valid until ${credentials.expiration.toISOString()}`,
    );
    return { value: credentials, lifeMs };
  };
  const fetch = (): Promise<Fetched<TemporaryCredentials>> => {
    const current = refresher.current();
    if (current === undefined) return fetchOnce();
    const context = { ...traced, expiration: expirationOf(current) };
    return traceRefresh(context, fetchOnce, ({ value: { expiration } }) => ({ expiration }));
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
    onFetched: (dueAtMs) => {
      failure = undefined;
      log.debug?.(
        `next refresh ${keepFresh ? 'at' : 'with the first call after'} ${wallTime(dueAtMs).toISOString()}`,
      );
    },
    onFailed: (failures) => {
      failure = withTries(failures, wallTime);
      counters.failed(failures.error);
      log.debug?.(`fetching credentials failed: ${describeFailures(failures, wallTime)}`);
    },
    expired: () =>
      new CredentialHelperError('the credentials expired before they arrived', {
        code: 'ERR_CREDENTIALS_EXPIRED',
        hint: 'was the system suspended meanwhile?',
      }),
    onRefreshFailed: (failures, current) => {
      const meanwhile =
        current === undefined
          ? 'there are no current credentials'
          : `the current credentials stay valid until ${wallTime(current.endsAtMs).toISOString()}`;
      log.warn?.(
        `refreshing the credentials failed: ${describeFailures(failures, wallTime, `; ${meanwhile}`)}`,
      );
    },
  });
  const expirationOf = createExpiration(wallTime);
  // A copy for each caller: the SDK modifies it.
  const copyOf = (valid: Valid<TemporaryCredentials>): IotCoreCredentials => ({
    ...valid.value,
    expiration: expirationOf(valid),
  });
  return {
    async credentials({ forceRefresh, abortSignal, callerClientConfig } = {}) {
      if (settings.logger === undefined) {
        logger = loggerOfClient(callerClientConfig, 'callerClientConfig') ?? logger;
        describeOnce();
      }
      const current = refresher.current();
      const given = await refresher
        .get({ forceRefresh: forceRefresh === true, abortSignal })
        .catch(rejectLater);
      if (given === current) counters.served();
      return copyOf(given);
    },
    expiration() {
      const current = refresher.current();
      return current && expirationOf(current);
    },
    current() {
      const current = refresher.current();
      if (current === undefined || now() >= current.endsAtMs) return undefined;
      return copyOf(current);
    },
    failure: () => failure,
    waitsFor: () => waitsFor,
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
