/** How soon a failure is tried again: as soon as the network or service may be back, slowly, or not by itself. */
export type Pace = 'soon' | 'slowly' | 'never';

/** What is known of a failure that may be tried again. */
export interface Retry {
  readonly pace: Pace;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The wait after the first failure, by how much it grows, and the longest: each without the part that is by chance. */
const STEPS = {
  soon: { firstMs: SECOND, factor: 2, longestMs: 48 * SECOND },
  slowly: { firstMs: 30 * SECOND, factor: 3, longestMs: 8 * MINUTE },
} as const;

/** A part of each wait is by chance, so that devices which failed together drift apart: up to this share of it. */
const JITTER = 1 / 4;

/** The longest wait that a server may ask for. */
const MAX_RETRY_AFTER_MS = 5 * MINUTE;

/**
 * How long to wait after a failure, in milliseconds: exponential backoff with jitter, 1 second to 1 minute (`soon`) or
 * 30 seconds to 10 minutes (`slowly`); never less than the server asks for, up to 5 minutes.
 *
 * @param failures - how many in a row there were at this pace, this one included
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
