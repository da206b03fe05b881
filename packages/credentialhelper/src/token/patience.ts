import { isCredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Pkcs11 } from '../pkcs11/pkcs11.ts';
import { isBusy, returnValueOf } from '../pkcs11/return-value.ts';
import { monotonicMs, sleep } from '../process/timers.ts';
import { findToken, type TokenSlot } from './slots.ts';

const BUSY_TRIES = 8;
/** A label that is mistyped should not take long to be told. */
const OUTDATED_TRIES = 6;

/**
 * Finds the one initialized token that matches and opens a session with it, with patience.
 *
 * SoftHSM reads its tokens when it is initialized. One to which another process writes at that moment is not there for
 * it, or has no PIN, until it is initialized again; so is one that was made later.
 *
 * @param open - opens the session; may be called again
 * @throws (as a rejection) what `findToken` and `open` throw
 */
export function openPatiently<T>(
  pkcs11: Pkcs11,
  match: Pkcs11Uri,
  waitMs: number,
  open: (token: TokenSlot) => Promise<T>,
): Promise<T> {
  return patiently(waitMs, async () => {
    try {
      return await open(findToken(pkcs11, match));
    } catch (error) {
      readTokensAgain(pkcs11, error);
      throw error;
    }
  });
}

/** The same as {@link openPatiently} for a caller that cannot wait for a promise: it tries once more at most. */
export function openAgain<T>(pkcs11: Pkcs11, match: Pkcs11Uri, open: (token: TokenSlot) => T): T {
  try {
    return open(findToken(pkcs11, match));
  } catch (error) {
    if (!readTokensAgain(pkcs11, error)) throw error;
    return open(findToken(pkcs11, match));
  }
}

/**
 * Tries again what a token or library that many use at once refuses for a moment; not a login that failed.
 *
 * @param waitMs - after this time nothing is tried again, in milliseconds
 */
export async function patiently<T>(waitMs: number, task: () => T | Promise<T>): Promise<T> {
  const begin = monotonicMs();
  for (let tries = 1; ; tries++) {
    try {
      return await task();
    } catch (error) {
      const mostTries = isOutdated(error) ? OUTDATED_TRIES : isBusy(error) ? BUSY_TRIES : 1;
      if (tries >= mostTries || monotonicMs() - begin > waitMs) throw error;
      await sleep(10 + Math.random() * 40 * tries);
    }
  }
}

/** @returns whether SoftHSM has been initialized again for an error that can come from what it read before */
function readTokensAgain(pkcs11: Pkcs11, error: unknown): boolean {
  if (!isOutdated(error) || pkcs11.getInfo().manufacturer !== 'SoftHSM') return false;
  return pkcs11.reinitialize();
}

function isOutdated(error: unknown): boolean {
  // Without a PIN to compare with, none was tried.
  if (returnValueOf(error) === 'CKR_USER_PIN_NOT_INITIALIZED') return true;
  return isCredentialHelperError(error) && error.code === 'ERR_TOKEN_NOT_FOUND';
}
