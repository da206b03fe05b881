import * as timers from 'node:timers';

// Timers are imported from Node.js once, when this package is loaded. Global functions may be those of a browser
// emulation, whose timers are numbers, or be replaced by fake timers in tests.

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;
const { bigint } = process.hrtime;

/** Waits for some milliseconds, without keeping this process running. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** The time of a monotonic clock, in milliseconds. */
export function monotonicMs(): number {
  return Number(bigint()) / 1e6;
}
