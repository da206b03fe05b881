import { createHmac, randomBytes } from 'node:crypto';
import { CredentialHelperError, isPinRejection } from '../errors.ts';
import { formatPkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { TokenKey } from '../identity/token-key.ts';

// Known to this process only, so that what is remembered says nothing about a PIN.
const KEY = randomBytes(32);

const rejected = new Map<string, CredentialHelperError>();

/**
 * Runs something that logs in to a token, unless the token has already rejected this very PIN in this process: then it
 * is not tried again. Tokens lock after a few wrong PINs, and a refresh that repeats one would use them up.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PIN_INCORRECT`
 */
export async function withPinLatch<T>(token: TokenKey, login: () => Promise<T>): Promise<T> {
  if (token.pin == null) return login();
  const key = createHmac('sha256', KEY)
    .update(JSON.stringify([token.library, formatPkcs11Uri(token.match), token.pin.reveal()]))
    .digest('hex');
  const before = rejected.get(key);
  if (before !== undefined) {
    throw new CredentialHelperError(
      `the token has rejected this PIN before, so it was not tried again: ${before.message}`,
      { code: before.code, hint: before.hint, cause: before },
    );
  }
  try {
    return await login();
  } catch (error) {
    if (isPinRejection(error)) rejected.set(key, error);
    throw error;
  }
}
