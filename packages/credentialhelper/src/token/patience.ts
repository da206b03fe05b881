import { setTimeout as sleep } from 'node:timers/promises';
import { isCredentialHelperError } from '../errors.ts';
import { isBusy } from '../pkcs11/return-value.ts';

const BUSY_TRIES = 8;
/** A label that is mistyped should not take long to be told. */
const ABSENT_TRIES = 4;

/**
 * Tries again what a token or library that many use at once refuses for a moment: SoftHSM loses sight of a token while
 * another process logs in to it. Not for a login.
 *
 * @param waitMs - after this time nothing is tried again, in milliseconds
 */
export async function patiently<T>(waitMs: number, task: () => T | Promise<T>): Promise<T> {
  const begin = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await task();
    } catch (error) {
      const isAbsent = isCredentialHelperError(error) && error.code === 'ERR_TOKEN_NOT_FOUND';
      const mostTries = isAbsent ? ABSENT_TRIES : isBusy(error) ? BUSY_TRIES : 1;
      if (tries >= mostTries || performance.now() - begin > waitMs) throw error;
      await sleep(10 + Math.random() * 40 * tries);
    }
  }
}
