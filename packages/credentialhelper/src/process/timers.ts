import { uptime } from 'node:os';
import * as timers from 'node:timers';

// Timers are imported from Node.js once, when this package is loaded. Global functions may be those of a browser
// emulation, whose timers are numbers, or be replaced by fake timers in tests.

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;
const { bigint } = process.hrtime;

/** Waits for some milliseconds, without keeping this process running. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve));
}

/** The time of a monotonic clock, in milliseconds. */
export function monotonicMs(): number {
  return Number(bigint()) / 1e6;
}

/**
 * Runs a function after some milliseconds, without keeping this process running. Returns a function that cancels it.
 */
export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

/** More than the drift of clocks between two checks, in milliseconds. */
const JUMP_MS = 1000;

let bootClock: (() => number) | undefined;

/** The time of a monotonic clock that, unlike {@link monotonicMs}, includes suspension of the system, in milliseconds. */
export function bootMs(): number {
  bootClock ??= createBootClock();
  return bootClock();
}

/**
 * Creates the clock of {@link bootMs}.
 *
 * The system's uptime includes suspension, but is slow to read: it is read only if the wall clock and {@link
 * monotonicMs} differ, because the clock was set or the system was suspended.
 */
function createBootClock(): () => number {
  const aheadMs = () => uptimeMs() - monotonicMs();
  const firstMs = aheadMs();
  let seenMs = Date.now() - monotonicMs();
  let suspendedMs = 0;
  return () => {
    const monotonic = monotonicMs();
    const drift = Date.now() - monotonic;
    if (Math.abs(drift - seenMs) > JUMP_MS) {
      seenMs = drift;
      suspendedMs = Math.max(suspendedMs, aheadMs() - firstMs);
    }
    return monotonic + suspendedMs;
  };
}

/** The uptime of the system; if unavailable, a clock that stops during suspension. */
function uptimeMs(): number {
  try {
    return uptime() * 1000;
  } catch {
    return monotonicMs();
  }
}
