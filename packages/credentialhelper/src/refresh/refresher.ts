import type { Queued } from './queue.ts';
import { type Pace, type Retry, retryDelayMs } from './retry.ts';

/** The result of a fetch: a value, and its lifetime. */
export interface Fetched<T> {
  readonly value: T;
  /** Its remaining lifetime, in milliseconds. */
  readonly lifeMs: number;
}

/** A valid value. */
export interface Valid<T> {
  readonly value: T;
  /** When it expires, by the refresher's clock, in milliseconds. */
  readonly endsAtMs: number;
}

/** The failures since the last success. */
export interface Failures {
  /** The last one. */
  readonly error: unknown;
  /** Their number. */
  readonly count: number;
  /** The time of the first, by the refresher's clock, in milliseconds. */
  readonly sinceMs: number;
  /** The time of the next retry, by the refresher's clock; `Infinity`: not by itself. */
  readonly retryAtMs: number;
}

/** The options of a refresher. */
export interface RefreshOptions<T> {
  /** Fetches a new value. */
  readonly fetch: () => Promise<Fetched<T>>;
  /** A monotonic clock that includes suspension, in milliseconds. */
  readonly now: () => number;
  /** A number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /**
   * Runs a function after some milliseconds, without keeping the process running. Returns a function that cancels it.
   */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Keeps the process running while a call is pending; background refreshes do not. */
  readonly hold: <U>(promise: Promise<U>) => Promise<U>;
  /** How long a caller waits for a retry, in milliseconds. */
  readonly maxWaitMs: number;
  /** Whether to refresh proactively after the first fetch. */
  readonly keepFresh: boolean;
  /** For one of many refreshers: they take turns, and their refreshes are spread over the lifetime of the values. */
  readonly shared?: SharedQueue | undefined;
  /** How a failure is retried. */
  readonly retryOf: (error: unknown) => Retry;
  /** A version that differs if an input of the fetch, such as a file, has changed: that ends a backoff. */
  readonly sourceVersion: () => string;
  /** The error for a caller, from the failures so far. */
  readonly explain: (failures: Failures) => unknown;
  /** The error for calls after {@link Refresher.close}. */
  readonly closed: () => Error;
  /** Called after a fetch, with the time of the next one by the refresher's clock. */
  readonly onFetched?: ((dueAtMs: number) => void) | undefined;
  /** Called when a fetch failed. */
  readonly onFailed?: ((failures: Failures) => void) | undefined;
  /** The error for a value that expired before its fetch ended: the fetch has failed. */
  readonly expired: () => Error;
  /** Called when a background refresh failed. */
  readonly onRefreshFailed: (failures: Failures, current: Valid<T> | undefined) => void;
}

/** A queue that is shared by many refreshers. */
export interface SharedQueue {
  /** Enters the queue. */
  readonly enter: <U>(task: () => Promise<U>) => Queued<U>;
  /** The error for a caller whose maximum wait ends before the first result. */
  readonly late: () => Error;
}

/** Options of a call. */
export interface RefreshRequest {
  /** Whether to fetch a new value, or join a pending fetch. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** Aborts the call of this caller. */
  readonly abortSignal?: AbortSignal | undefined;
}

/** Returns a valid value. */
export interface Refresher<T> {
  /** Returns the value, from memory if possible. */
  get(request?: RefreshRequest): Promise<Valid<T>>;
  /** Fetches the first value in the background. */
  prefetch(): void;
  /** The current value; it may have expired. */
  current(): Valid<T> | undefined;
  /**
   * When the next fetch is due, by the refresher's clock; undefined before the first fetch, and if none is due by
   * itself.
   */
  dueAtMs(): number | undefined;
  /** Discards the value, and waits for a pending fetch. Pending calls still get its value; later calls are rejected. */
  close(): Promise<void>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The minimum delay of a retry after a source has changed. */
const AFTER_CHANGE_MS = SECOND;

/** Timers stop while the system is suspended: the maximum time between two checks of the clock. */
const LONGEST_TIMER_MS = MINUTE;

/** The maximum time between two checks of clock and source by a caller that waits for a retry. */
const LONGEST_PAUSE_MS = SECOND;

/** The minimum time between two fetches of `keepFresh`, for values of any lifetime. */
const SHORTEST_TIMER_MS = SECOND;

/** A value with less remaining lifetime may expire before it is used: callers wait for a pending fetch. */
const LAST_MS = 30 * SECOND;

/** A slower check of the source is reused for a multiple of the time it took, up to a maximum: file systems may be slow. */
const SLOW_LOOK_MS = 5;
const LOOK_FACTOR = 10;
const LONGEST_LOOK_MS = 10 * SECOND;

/**
 * Creates a refresher, which returns a valid value with as few fetches as possible.
 *
 * - Concurrent callers share one fetch.
 * - Shortly before its expiration the current value is still returned at once, while a new one is fetched in the
 *   background. In its last seconds callers wait for the pending fetch, and get the current value if that fails.
 * - The lifetime of a value counts from the start of its fetch, so that it is never used for too long.
 * - If a refresh fails, the current value is used until it expires.
 * - After a failure there is no fetch before the backoff of {@link retryDelayMs} is over: a caller waits for the
 *   retry if it is due in time, and otherwise gets the last error at once. A forced refresh is not delayed.
 *
 * Without `keepFresh` there is no timer: without calls nothing is fetched.
 */
export function createRefresher<T>(options: RefreshOptions<T>): Refresher<T> {
  const { fetch, now, random, after, hold, maxWaitMs, keepFresh, shared } = options;
  const { retryOf, sourceVersion } = options;
  let isClosed = false;
  let current:
    | (Valid<T> & { readonly refreshAtMs: number; readonly lastFromMs: number })
    | undefined;
  let failed:
    | (Failures & { readonly ofPace: Readonly<Record<Pace, number>>; readonly atMs: number })
    | undefined;
  let readVersion = '';
  let seenVersion = '';
  let isSeenUntilMs = Number.NEGATIVE_INFINITY;
  let pending: Queued<Valid<T>> | undefined;
  let cancelTimer = () => {};
  /** Ends the pauses of callers that wait for a retry. */
  const pausing = new Set<() => void>();

  /** The pending fetch, else a new one. */
  function fetchPending(): Queued<Valid<T>> {
    if (pending === undefined) {
      const queued = shared?.enter(fetchOnce) ?? queueless(fetchOnce());
      // Not in fetchOnce(), which may end before `pending` is assigned.
      const result = queued.result.finally(() => {
        pending = undefined;
        startTimer();
      });
      pending = { ...queued, result };
      // Pending callers get the error.
      pending.result.catch(() => {});
    }
    return pending;
  }

  /** The pending fetch, else a new one, for a caller. */
  function fetchFor(): Queued<Valid<T>> {
    if (isClosed) throw options.closed();
    const queued = fetchPending();
    queued.hurry();
    return queued;
  }

  async function fetchOnce(): Promise<Valid<T>> {
    const beganMs = now();
    try {
      readVersion = lookAtSource();
      const { value, lifeMs } = await fetch();
      const endsAtMs = beganMs + lifeMs;
      if (endsAtMs <= now()) throw options.expired();
      failed = undefined;
      if (!isClosed) {
        const isSpread = shared !== undefined && valid(beganMs) === undefined;
        const refreshAtMs = isSpread
          ? spreadInstant(endsAtMs, lifeMs, random())
          : refreshInstant(endsAtMs, lifeMs, random());
        const lastFromMs = endsAtMs - Math.min(LAST_MS, (endsAtMs - refreshAtMs) / 2);
        current = { value, endsAtMs, refreshAtMs, lastFromMs };
        options.onFetched?.(refreshAtMs);
      }
      return { value, endsAtMs };
    } catch (error) {
      failed = failure(error);
      options.onFailed?.(failed);
      throw error;
    }
  }

  function lookAtSource(): string {
    const beganMs = now();
    seenVersion = sourceVersion();
    const tookMs = now() - beganMs;
    const isGoodForMs = tookMs > SLOW_LOOK_MS ? LOOK_FACTOR * tookMs : 0;
    isSeenUntilMs = now() + Math.min(isGoodForMs, LONGEST_LOOK_MS);
    return seenVersion;
  }

  function failure(error: unknown): NonNullable<typeof failed> {
    const atMs = now();
    const retry = retryOf(error);
    // Each backoff goes on until a success, also if failures alternate.
    const before = failed?.ofPace ?? { soon: 0, slowly: 0, never: 0 };
    const ofPace = { ...before, [retry.pace]: before[retry.pace] + 1 };
    return {
      error,
      count: (failed?.count ?? 0) + 1,
      sinceMs: failed?.sinceMs ?? atMs,
      retryAtMs: atMs + retryDelayMs(ofPace[retry.pace], retry, random()),
      ofPace,
      atMs,
    };
  }

  /** When the next try after a failure may begin. */
  function retryInstant({ atMs, retryAtMs }: NonNullable<typeof failed>): number {
    const version = now() < isSeenUntilMs ? seenVersion : lookAtSource();
    const isChanged = version !== readVersion;
    return isChanged ? Math.min(retryAtMs, atMs + AFTER_CHANGE_MS) : retryAtMs;
  }

  function refreshBehind(): void {
    fetchPending().result.catch(() => {
      if (!isClosed && failed !== undefined) options.onRefreshFailed(failed, valid());
    });
  }

  const valid = (nowMs = now()) =>
    current !== undefined && nowMs < current.endsAtMs ? current : undefined;
  /** Whether a value is returned at once: not in its last seconds if a new one is being fetched. */
  const isAtHand = ({ endsAtMs, lastFromMs }: NonNullable<typeof current>) =>
    (pending === undefined && failed === undefined) ||
    // The check of the sources may have taken a while.
    now() < (pending === undefined ? endsAtMs : lastFromMs);
  const isDue = (nowMs = now()) =>
    pending === undefined &&
    nowMs >= (failed === undefined ? (current?.refreshAtMs ?? 0) : retryInstant(failed));

  function startTimer(): void {
    cancelTimer();
    // A pending fetch starts it when it ends.
    if (!keepFresh || isClosed || pending !== undefined) return;
    const dueMs = failed?.retryAtMs ?? current?.refreshAtMs ?? 0;
    const waitMs = Math.max(SHORTEST_TIMER_MS, dueMs - now());
    cancelTimer = after(Math.min(waitMs, LONGEST_TIMER_MS), () => {
      if (isDue()) refreshBehind();
      else startTimer();
    });
  }

  /** Waits, in milliseconds; ends early on abort and on close. */
  function pause(ms: number, abortSignal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        pausing.delete(end);
        abortSignal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = after(ms, end);
      pausing.add(end);
      abortSignal?.addEventListener('abort', end);
    });
  }

  /** Waits for a fetch, and for retries within the maximum wait of the caller. */
  async function waitForValue(abortSignal: AbortSignal | undefined): Promise<Valid<T>> {
    const patienceEndsMs = now() + maxWaitMs;
    for (let isFirst = true; ; isFirst = false) {
      const waitMs = untilNextTry(patienceEndsMs);
      const given =
        waitMs > 0
          ? await afterPause(waitMs, abortSignal)
          : await (isFirst ? afterFirstFetch(patienceEndsMs) : afterFetch(patienceEndsMs));
      abortSignal?.throwIfAborted();
      if (given !== undefined) return given;
      if (waitMs <= 0) stillPatient(patienceEndsMs);
    }
  }

  /** The value after a part of the wait for a retry, if another caller has got one. */
  async function afterPause(
    waitMs: number,
    abortSignal: AbortSignal | undefined,
  ): Promise<Valid<T> | undefined> {
    if (!isClosed) await pause(Math.min(waitMs, LONGEST_PAUSE_MS), abortSignal);
    abortSignal?.throwIfAborted();
    if (isClosed) throw options.closed();
    return valid();
  }

  /** The value after the first fetch of a caller. It has its own timeout: only the wait for its turn is limited. */
  async function afterFirstFetch(patienceEndsMs: number): Promise<Valid<T> | undefined> {
    const { result, isRunning } = fetchFor();
    const limitMs = isRunning() ? undefined : patienceEndsMs - now();
    const given = await settled(result, limitMs);
    return given ?? (isRunning() ? await settled(result) : undefined) ?? valid();
  }

  /** The value after a fetch; if that fails or takes longer than the maximum wait of the caller, the current one. */
  async function afterFetch(patienceEndsMs: number): Promise<Valid<T> | undefined> {
    return (await settled(fetchFor().result, patienceEndsMs - now())) ?? valid();
  }

  /** How long to wait for the next retry, in milliseconds; throws the last error if that is too long. */
  function untilNextTry(patienceEndsMs: number): number {
    if (failed === undefined || pending !== undefined) return 0;
    const tryAtMs = retryInstant(failed);
    if (tryAtMs > patienceEndsMs) throw options.explain(failed);
    return tryAtMs - now();
  }

  /** Throws the last error after the maximum wait of a caller. */
  function stillPatient(patienceEndsMs: number): undefined {
    if (now() < patienceEndsMs) return;
    if (failed !== undefined) throw options.explain(failed);
    if (shared !== undefined) throw shared.late();
  }

  /** The result of a promise; undefined if it rejects or times out. */
  async function settled<U>(promise: Promise<U>, limitMs?: number): Promise<U | undefined> {
    const given = promise.catch(() => undefined);
    if (limitMs === undefined) return given;
    let cancel = () => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = after(limitMs, () => resolve(undefined));
    });
    try {
      return await Promise.race([given, late]);
    } finally {
      cancel();
    }
  }

  async function force(): Promise<Valid<T>> {
    const { result, isRunning } = fetchFor();
    const over = result.then(
      () => true,
      () => true,
    );
    // The fetch has its own timeout: only the wait for its turn is limited.
    const isOver = await settled(over, isRunning() ? undefined : maxWaitMs);
    if (!isOver && !isRunning() && shared !== undefined) throw shared.late();
    try {
      return await result;
    } catch (error) {
      throw failed !== undefined && failed.error === error ? options.explain(failed) : error;
    }
  }

  return {
    async get({ forceRefresh = false, abortSignal } = {}) {
      if (isClosed) throw options.closed();
      abortSignal?.throwIfAborted();
      const nowMs = now();
      const ready = valid(nowMs);
      if (ready !== undefined && !forceRefresh) {
        if (isDue(nowMs)) refreshBehind();
        if (isAtHand(ready)) return ready;
      }
      return hold(untilAborted(forceRefresh ? force() : waitForValue(abortSignal), abortSignal));
    },
    prefetch() {
      if (!isClosed && current === undefined && pending === undefined && failed === undefined) {
        refreshBehind();
      }
    },
    current: () => current,
    dueAtMs() {
      const dueAtMs = failed?.retryAtMs ?? current?.refreshAtMs;
      return isClosed || dueAtMs === Number.POSITIVE_INFINITY ? undefined : dueAtMs;
    },
    async close() {
      isClosed = true;
      current = undefined;
      cancelTimer();
      for (const end of pausing) end();
      pending?.cancel(options.closed());
      // Pending callers get its error.
      if (pending !== undefined) await hold(pending.result).catch(() => {});
    },
  };
}

/** A task that runs at once. */
function queueless<T>(result: Promise<T>): Queued<T> {
  return { result, isRunning: () => true, hurry() {}, cancel() {} };
}

/** The result of a promise, unless a signal is aborted first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * When to refresh: a sixth of the lifetime before the expiration, but early enough for SDK clients, which request new
 * credentials 5 minutes before the expiration; never before half of the lifetime. With jitter, so that devices which
 * started together do not refresh together.
 */
function refreshInstant(endsAtMs: number, lifeMs: number, random: number): number {
  const window = Math.max(lifeMs / 6, 5.5 * MINUTE) * (1 + random / 4);
  return endsAtMs - Math.min(window, lifeMs / 2);
}

/**
 * When to refresh values that were fetched together, at the start or after an outage: at any time before the usual
 * one, so that their refreshes are spread evenly from then on.
 */
function spreadInstant(endsAtMs: number, lifeMs: number, random: number): number {
  const usualMs = refreshInstant(endsAtMs, lifeMs, 0);
  return usualMs - (usualMs - (endsAtMs - lifeMs)) * random;
}
