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
