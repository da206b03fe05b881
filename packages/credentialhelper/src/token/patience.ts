import { isCredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Pkcs11 } from '../pkcs11/pkcs11.ts';
import { isBusy, returnValueOf } from '../pkcs11/return-value.ts';
import { monotonicMs, sleep } from '../process/timers.ts';
import { findToken, type TokenSlot } from './slots.ts';

const BUSY_TRIES = 8;
/** A mistyped label should be reported quickly. */
const OUTDATED_TRIES = 6;

/**
 * Finds the one matching initialized token and opens a session with it, with retries.
 *
 * SoftHSM reads its tokens when it is initialized. A token that another process is writing to at that moment is
 * missing, or has no PIN, until it is initialized again; so is a token that was created later.
 *
 * @param open - opens the session; may be called more than once
 * @throws (as a rejection) errors of `findToken` and `open`
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

/** Same as {@link openPatiently}, but synchronous: it retries once at most. */
export function openAgain<T>(pkcs11: Pkcs11, match: Pkcs11Uri, open: (token: TokenSlot) => T): T {
  try {
    return open(findToken(pkcs11, match));
  } catch (error) {
    if (!readTokensAgain(pkcs11, error)) throw error;
    return open(findToken(pkcs11, match));
  }
}

/**
 * Retries a call that a busy token or library rejects temporarily; not a failed login.
 *
 * @param waitMs - time limit for retries, in milliseconds
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

/** @returns whether SoftHSM was reinitialized, for an error that stale token data can cause */
function readTokensAgain(pkcs11: Pkcs11, error: unknown): boolean {
  if (!isOutdated(error) || pkcs11.getInfo().manufacturer !== 'SoftHSM') return false;
  return pkcs11.reinitialize();
}

function isOutdated(error: unknown): boolean {
  // Without a user PIN in the token, no PIN was tried.
  if (returnValueOf(error) === 'CKR_USER_PIN_NOT_INITIALIZED') return true;
  return isCredentialHelperError(error) && error.code === 'ERR_TOKEN_NOT_FOUND';
}
