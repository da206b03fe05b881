import { clearTimeout, setTimeout } from './timers.ts';

/**
 * The result of a promise, if it settles in time. The timer does not keep this process running.
 *
 * @param limitMs - how long to wait, in milliseconds
 * @param late - creates the error for a timeout
 */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  late: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
    timer.unref();
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
