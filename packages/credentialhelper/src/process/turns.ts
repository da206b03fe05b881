import { clearTimeout, setTimeout } from './timers.ts';

const last = new Map<string, Promise<void>>();

/**
 * Runs tasks with the same key one at a time, in the order of the calls; a failure does not affect the next task. A
 * task that waits too long is not run.
 *
 * @param waitMs - maximum waiting time in milliseconds
 * @param late - creates the error for a task that waited too long
 */
export function inTurn<T>(
  key: string,
  waitMs: number,
  late: () => Error,
  task: () => Promise<T>,
): Promise<T> {
  const before = last.get(key) ?? Promise.resolve();
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(late());
    }, waitMs);
    timer.unref();
    const turn = before.then(async () => {
      clearTimeout(timer);
      if (isLate) return;
      try {
        resolve(await task());
      } catch (error) {
        reject(error);
      }
    });
    last.set(key, turn);
    turn.then(() => {
      if (last.get(key) === turn) last.delete(key);
    });
  });
}
