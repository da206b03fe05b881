import { setTimeout as sleep } from 'node:timers/promises';
import { isCredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Pkcs11 } from '../pkcs11/pkcs11.ts';
import { isBusy, withContext } from '../pkcs11/return-value.ts';
import { findToken, type TokenSlot } from './slots.ts';

const BUSY_TRIES = 8;
/** A label that is mistyped should not take long to be told. */
const ABSENT_TRIES = 4;

/**
 * Finds the one initialized token that matches, with patience: SoftHSM does not see a token to which another process
 * writes at the moment when the library is initialized, until it is initialized again.
 *
 * @throws {@link CredentialHelperError} (as a rejection) what `findToken` throws
 */
export function waitForToken(pkcs11: Pkcs11, match: Pkcs11Uri, waitMs: number): Promise<TokenSlot> {
  return patiently(waitMs, () => {
    try {
      return findToken(pkcs11, match);
    } catch (error) {
      if (isAbsent(error) && pkcs11.getInfo().manufacturer === 'SoftHSM') {
        withContext({ library: pkcs11.path }, () => pkcs11.reinitialize());
      }
      throw error;
    }
  });
}

/**
 * Tries again what a token or library that many use at once refuses for a moment. Not for a login.
 *
 * @param waitMs - after this time nothing is tried again, in milliseconds
 */
export async function patiently<T>(waitMs: number, task: () => T | Promise<T>): Promise<T> {
  const begin = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await task();
    } catch (error) {
      const mostTries = isAbsent(error) ? ABSENT_TRIES : isBusy(error) ? BUSY_TRIES : 1;
      if (tries >= mostTries || performance.now() - begin > waitMs) throw error;
      await sleep(10 + Math.random() * 40 * tries);
    }
  }
}

function isAbsent(error: unknown): boolean {
  return isCredentialHelperError(error) && error.code === 'ERR_TOKEN_NOT_FOUND';
}
