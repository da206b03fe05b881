/** How soon a failure is retried: soon (network or service), slowly, or not by itself. */
export type Pace = 'soon' | 'slowly' | 'never';

/** The properties of a failure. */
export interface Retry {
  readonly pace: Pace;
  /** The delay requested by the server, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The delay after the first failure, its growth factor, and its maximum, each without jitter. */
const STEPS = {
  soon: { firstMs: SECOND, factor: 2, longestMs: 48 * SECOND },
  slowly: { firstMs: 30 * SECOND, factor: 3, longestMs: 8 * MINUTE },
} as const;

/** The jitter, as a fraction of the delay, so that devices which failed together do not retry together. */
const JITTER = 1 / 4;

/** The maximum delay that a server can request. */
const MAX_RETRY_AFTER_MS = 5 * MINUTE;

/**
 * The delay after a failure, in milliseconds: exponential backoff with jitter, 1 second to 1 minute (`soon`) or
 * 30 seconds to 10 minutes (`slowly`); at least the server's requested delay, up to 5 minutes.
 *
 * @param failures - failures at this pace since the last success, including this one
 * @param random - from 0 up to, but not including, 1
 */
export function retryDelayMs(
  failures: number,
  { pace, retryAfterMs = 0 }: Retry,
  random: number,
): number {
  if (pace === 'never') return Number.POSITIVE_INFINITY;
  const { firstMs, factor, longestMs } = STEPS[pace];
  const ownMs = Math.min(longestMs, firstMs * factor ** (failures - 1));
  return Math.max(ownMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)) * (1 + random * JITTER);
}
