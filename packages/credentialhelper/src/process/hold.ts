import { clearInterval, setInterval } from './timers.ts';

const LONG_MS = 2 ** 30;

let held = 0;

/** Whether {@link holdProcess} keeps this process running. */
export function isHeld(): boolean {
  return held > 0;
}

/**
 * Keeps this process running until a promise is settled. Requests and child processes do not: without a pending
 * promise the process can exit.
 */
export function holdProcess<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, LONG_MS);
  held++;
  return promise.finally(() => {
    clearInterval(hold);
    held--;
  });
}
