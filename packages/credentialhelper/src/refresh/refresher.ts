import { type Pace, type Retry, retryDelayMs } from './retry.ts';

/** What a fetch brings: a value, and how long it is valid. */
export interface Fetched<T> {
  readonly value: T;
  /** How long it is valid from now on, in milliseconds. */
  readonly lifeMs: number;
}

/** A value that is valid. */
export interface Valid<T> {
  readonly value: T;
  /** When it ends, by the refresher's clock, in milliseconds. */
  readonly endsAtMs: number;
}

/** The failures since the last success. */
export interface Failures {
  /** The last one. */
  readonly error: unknown;
  /** How many there were, one after the other. */
  readonly count: number;
  /** When the first was, by the refresher's clock, in milliseconds. */
  readonly sinceMs: number;
  /** When the next try is due, by the refresher's clock; `Infinity`: not by itself. */
  readonly retryAtMs: number;
}

/** What a refresher takes. */
export interface RefreshOptions<T> {
  /** Fetches a new value. */
  readonly fetch: () => Promise<Fetched<T>>;
  /** A clock that nobody sets and that goes on while the system is suspended, in milliseconds. */
  readonly now: () => number;
  /** A number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Runs something after some milliseconds; that does not keep the process running. Returns what takes it back. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Keeps the process running while somebody waits for a fetch; a refresh that nobody waits for does not. */
  readonly hold: <U>(promise: Promise<U>) => Promise<U>;
  /** How long a caller waits for another try, in milliseconds. */
  readonly maxWaitMs: number;
  /** Whether to refresh without being asked, once there was a first fetch. */
  readonly keepFresh: boolean;
  /** How a failure is tried again. */
  readonly retryOf: (error: unknown) => Retry;
  /** Something that differs where what a fetch reads, such as a file, has changed: that ends a wait. */
  readonly sourceVersion: () => string;
  /** The error for a caller, for what has failed so far. */
  readonly explain: (failures: Failures) => unknown;
  /** The error for who asks after {@link Refresher.close}. */
  readonly closed: () => Error;
  /** Told when a refresh failed that nobody waits for. */
  readonly onRefreshFailed: (failures: Failures, current: Valid<T> | undefined) => void;
}

/** What a caller may ask for besides a value. */
export interface RefreshRequest {
  /** Whether the value must be fetched now, or be the one that is on its way. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** Ends the wait of this caller. */
  readonly abortSignal?: AbortSignal | undefined;
}

/** Gives a value that is valid now. */
export interface Refresher<T> {
  /** Gives the value, from memory where it can. */
  get(request?: RefreshRequest): Promise<Valid<T>>;
  /** The value at hand; it may have ended. */
  readonly current: Valid<T> | undefined;
  /** When the next fetch is due, by the refresher's clock; undefined where nothing was fetched yet, or it is not due by itself. */
  readonly dueAtMs: number | undefined;
  /** Forgets the value, and waits until nothing is being fetched. Who waits for a fetch still gets its value; who asks later does not. */
  close(): Promise<void>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Where a source has changed, the next try comes so soon after the last at the earliest. */
const AFTER_CHANGE_MS = SECOND;

/** A timer stands still while the system is suspended: no longer than this is waited without a look at the clock. */
const LONGEST_TIMER_MS = MINUTE;

/**
 * Makes what gives a value which is valid now, and fetches as seldom as that allows.
 *
 * - However many callers wait, there is one fetch.
 * - Near the end of its life the value at hand is still given at once, while a new one is fetched behind it.
 * - A refresh that fails leaves the value at hand in use until it ends.
 * - After a failure there is no fetch before the wait of {@link retryDelayMs} is over, whoever asks: a caller waits for that
 *   try where it comes in time for it, and otherwise gets the last error at once. A forced refresh is not held up.
 *
 * Without `keepFresh` there is no timer: a process that asks for nothing fetches nothing.
 */
export function createRefresher<T>(options: RefreshOptions<T>): Refresher<T> {
  const { fetch, now, random, after, hold, maxWaitMs, keepFresh, retryOf, sourceVersion } = options;
  let isClosed = false;
  let current: (Valid<T> & { readonly refreshAtMs: number }) | undefined;
  let failed:
    | (Failures & { readonly pace: Pace; readonly ofPace: number; readonly atMs: number })
    | undefined;
  let readVersion = '';
  let flight: Promise<Valid<T>> | undefined;
  let cancelTimer = () => {};

  function fly(): Promise<Valid<T>> {
    if (flight === undefined) {
      flight = fetchOnce();
      // Who waits for it is told.
      flight.catch(() => {});
    }
    return flight;
  }

  async function fetchOnce(): Promise<Valid<T>> {
    readVersion = sourceVersion();
    try {
      const { value, lifeMs } = await fetch();
      const fetched = { value, endsAtMs: now() + lifeMs };
      failed = undefined;
      if (!isClosed)
        current = { ...fetched, refreshAtMs: refreshInstant(fetched.endsAtMs, lifeMs, random()) };
      return fetched;
    } catch (error) {
      failed = failure(error);
      throw error;
    } finally {
      flight = undefined;
      startTimer();
    }
  }

  function failure(error: unknown): NonNullable<typeof failed> {
    const atMs = now();
    const retry = retryOf(error);
    const ofPace = failed?.pace === retry.pace ? failed.ofPace + 1 : 1;
    return {
      error,
      count: (failed?.count ?? 0) + 1,
      sinceMs: failed?.sinceMs ?? atMs,
      retryAtMs: atMs + retryDelayMs(ofPace, retry, random()),
      pace: retry.pace,
      ofPace,
      atMs,
    };
  }

  /** When the next try after a failure may begin. */
  function retryInstant({ atMs, retryAtMs }: NonNullable<typeof failed>): number {
    const isChanged = sourceVersion() !== readVersion;
    return isChanged ? Math.min(retryAtMs, atMs + AFTER_CHANGE_MS) : retryAtMs;
  }

  function refreshBehind(): void {
    fly().catch(() => {
      if (!isClosed && failed !== undefined) options.onRefreshFailed(failed, valid());
    });
  }

  const valid = () => (current !== undefined && now() < current.endsAtMs ? current : undefined);
  const isDue = () =>
    flight === undefined &&
    now() >= (failed === undefined ? (current?.refreshAtMs ?? 0) : retryInstant(failed));

  function startTimer(): void {
    cancelTimer();
    if (!keepFresh || isClosed) return;
    const dueMs = failed?.retryAtMs ?? current?.refreshAtMs ?? 0;
    cancelTimer = after(Math.min(Math.max(0, dueMs - now()), LONGEST_TIMER_MS), () => {
      if (isDue()) refreshBehind();
      else startTimer();
    });
  }

  const pause = (ms: number) => new Promise<void>((resolve) => void after(ms, resolve));

  /** Waits for a fetch, and for others that come within the patience of the caller. */
  async function waitForValue(abortSignal: AbortSignal | undefined): Promise<Valid<T>> {
    const patienceEndsMs = now() + maxWaitMs;
    // A fetch has a limit of its own: only one that is not the caller's first can outlast its patience.
    let limit = (): number | undefined => undefined;
    let given: Valid<T> | undefined = valid();
    while (given === undefined) {
      const waitMs = untilNextTry(patienceEndsMs);
      if (waitMs > 0) {
        await pause(waitMs);
        abortSignal?.throwIfAborted();
        if (isClosed) throw options.closed();
        given = valid();
      } else {
        given = (await settled(fly(), limit())) ?? stillPatient(patienceEndsMs);
      }
      limit = () => patienceEndsMs - now();
    }
    return given;
  }

  /** How long to wait for the next try, in milliseconds; throws what has failed where that is too long. */
  function untilNextTry(patienceEndsMs: number): number {
    if (failed === undefined || flight !== undefined) return 0;
    const tryAtMs = retryInstant(failed);
    if (tryAtMs > patienceEndsMs) throw options.explain(failed);
    return tryAtMs - now();
  }

  /** Throws what has failed where the patience of a caller is over. */
  function stillPatient(patienceEndsMs: number): undefined {
    if (failed !== undefined && now() >= patienceEndsMs) throw options.explain(failed);
  }

  /** What a promise gives; undefined where it fails, or takes too long. */
  function settled<U>(promise: Promise<U>, limitMs: number | undefined): Promise<U | undefined> {
    const given = promise.catch(() => undefined);
    return limitMs === undefined
      ? given
      : Promise.race([given, pause(limitMs).then(() => undefined)]);
  }

  async function force(): Promise<Valid<T>> {
    try {
      return await fly();
    } catch (error) {
      throw failed === undefined ? error : options.explain(failed);
    }
  }

  return {
    async get({ forceRefresh = false, abortSignal } = {}) {
      if (isClosed) throw options.closed();
      abortSignal?.throwIfAborted();
      const ready = valid();
      if (ready !== undefined && !forceRefresh) {
        if (isDue()) refreshBehind();
        return ready;
      }
      return hold(untilAborted(forceRefresh ? force() : waitForValue(abortSignal), abortSignal));
    },
    get current() {
      return current;
    },
    get dueAtMs() {
      const dueAtMs = failed?.retryAtMs ?? current?.refreshAtMs;
      return isClosed || dueAtMs === Number.POSITIVE_INFINITY ? undefined : dueAtMs;
    },
    async close() {
      isClosed = true;
      current = undefined;
      cancelTimer();
      // Its failure is told to who waits for it.
      if (flight !== undefined) await hold(flight).catch(() => {});
    },
  };
}

/** What a promise gives, unless a signal is aborted first. */
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
 * When to fetch again: a sixth of the lifetime before the end, but early enough that an SDK client, which asks again 5
 * minutes before the end, finds a new value coming; never before half of the lifetime. A share of it is by chance, so that
 * devices which started together drift apart.
 */
function refreshInstant(endsAtMs: number, lifeMs: number, random: number): number {
  const window = Math.max(lifeMs / 6, 5.5 * MINUTE) * (1 + random / 4);
  return endsAtMs - Math.min(window, lifeMs / 2);
}
