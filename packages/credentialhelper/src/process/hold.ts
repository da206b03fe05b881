import { clearInterval, setInterval } from './timers.ts';

const LONG_MS = 2 ** 30;

/**
 * Keeps this process running until a promise is settled. Requests and child processes do not: where nobody waits for what
 * they bring, the process may end.
 */
export function holdProcess<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, LONG_MS);
  return promise.finally(() => clearInterval(hold));
}
