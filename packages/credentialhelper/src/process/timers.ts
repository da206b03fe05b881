import { uptime } from 'node:os';
import * as timers from 'node:timers';

// What keeps deadlines is taken from Node.js once, when this package is loaded. Global functions may be those of a
// browser's emulation, whose timers are numbers, or be replaced in tests that move the time by hand.

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;
const { bigint } = process.hrtime;

/** Waits for some milliseconds; that does not keep this process running. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** Milliseconds since some instant, by a clock that nobody sets. */
export function monotonicMs(): number {
  return Number(bigint()) / 1e6;
}

/** Runs something after some milliseconds; that does not keep this process running. Returns what takes it back. */
export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

/** More than clocks drift apart between two looks, in milliseconds. */
const JUMP_MS = 1000;

/**
 * Makes a clock that nobody sets and that, other than {@link monotonicMs}, goes on while the system is suspended; in
 * milliseconds.
 *
 * The system's uptime has the time of suspension in it, but reading it takes a while: that is done only where the wall clock
 * has moved in another way than {@link monotonicMs}, because it was set or the system was suspended.
 */
export function createBootClock(): () => number {
  const aheadMs = () => uptimeMs() - monotonicMs();
  const driftMs = () => Date.now() - monotonicMs();
  const firstMs = aheadMs();
  let seenMs = driftMs();
  let suspendedMs = 0;
  return () => {
    const drift = driftMs();
    if (Math.abs(drift - seenMs) > JUMP_MS) {
      seenMs = drift;
      suspendedMs = Math.max(suspendedMs, aheadMs() - firstMs);
    }
    return monotonicMs() + suspendedMs;
  };
}

/** The uptime of the system; where the system does not tell it, a clock that stands still in suspension. */
function uptimeMs(): number {
  try {
    return uptime() * 1000;
  } catch {
    return monotonicMs();
  }
}
