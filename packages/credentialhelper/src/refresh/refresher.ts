/** What a refresher keeps: anything that ends at an instant. */
export interface Expiring {
  readonly expiration: Date;
}

/** What a refresher takes. */
export interface RefreshOptions<T extends Expiring> {
  /** Fetches a new value. */
  readonly fetch: () => Promise<T>;
  /** The time, in epoch milliseconds. */
  readonly now: () => number;
  /** A number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Keeps the process running while somebody waits for a value; a refresh that nobody waits for does not. */
  readonly hold: (fetched: Promise<T>) => Promise<T>;
  /** The error for who asks after {@link Refresher.close}. */
  readonly closed: () => Error;
  /** Told when a refresh failed while the value at hand is still valid. */
  readonly onRefreshFailed: (error: unknown, retryAtMs: number, expiration: Date) => void;
}

/** What a caller may ask for besides a value. */
export interface RefreshRequest {
  /** Whether the value must be fetched now, or be the one that is on its way. Default false. */
  readonly forceRefresh?: boolean | undefined;
}

/** Gives a value that is valid now. */
export interface Refresher<T extends Expiring> {
  /** Gives the value, from memory where it can. */
  get(request?: RefreshRequest): Promise<T>;
  /** When the value at hand ends; undefined where there is none. */
  readonly expiration: Date | undefined;
  /** Forgets the value, and waits until nothing is being fetched. Who waits for a value still gets it; who asks later does not. */
  close(): Promise<void>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const RETRY_AFTER_MS = 30 * SECOND;

/**
 * Makes what gives a value which is valid now, and fetches as seldom as that allows.
 *
 * - However many callers wait, there is one fetch.
 * - Near the end of its life the value at hand is still given at once, while a new one is fetched behind it.
 * - A refresh that fails leaves the value at hand in use until it ends; the next try comes half a minute later at the
 *   earliest.
 * - A failed fetch is never kept: with nothing valid at hand, each new call fetches.
 *
 * There is no timer: a process that asks for nothing fetches nothing.
 */
export function createRefresher<T extends Expiring>(options: RefreshOptions<T>): Refresher<T> {
  const { fetch, now, random, hold, closed, onRefreshFailed } = options;
  let isClosed = false;
  let current: T | undefined;
  let refreshAtMs = 0;
  let flight: Promise<T> | undefined;

  const fly = (): Promise<T> => {
    flight ??= fetch()
      .then((value) => {
        if (!isClosed) current = value;
        refreshAtMs = refreshInstant(value, now(), random());
        return value;
      })
      .finally(() => {
        flight = undefined;
      });
    return flight;
  };

  return {
    async get({ forceRefresh = false } = {}) {
      if (isClosed) throw closed();
      if (forceRefresh) return hold(fly());
      if (current === undefined || current.expiration.getTime() <= now()) return hold(fly());
      if (flight === undefined && now() >= refreshAtMs) {
        const { expiration } = current;
        fly().catch((error: unknown) => {
          if (isClosed) return;
          refreshAtMs = now() + RETRY_AFTER_MS * (1 + random());
          onRefreshFailed(error, refreshAtMs, expiration);
        });
      }
      return current;
    },
    get expiration() {
      return current?.expiration;
    },
    async close() {
      isClosed = true;
      current = undefined;
      // Its failure is told to who waits for it.
      await flight?.catch(() => {});
    },
  };
}

/**
 * When to fetch again, in epoch milliseconds: a sixth of the lifetime before the end, but early enough that an SDK
 * client, which asks again 5 minutes before the end, finds a new value coming; never before half of the lifetime.
 * A share of it is by chance, so that devices which started together drift apart.
 */
function refreshInstant(value: Expiring, nowMs: number, random: number): number {
  const end = value.expiration.getTime();
  const lifetime = end - nowMs;
  const window = Math.max(lifetime / 6, 5.5 * MINUTE) * (1 + random / 4);
  return end - Math.min(window, lifetime / 2);
}
