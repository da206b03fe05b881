import type { ErrorCode } from './errors.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  CKR_PIN_INCORRECT: 'ERR_PIN_INCORRECT',
  CKR_PIN_INVALID: 'ERR_PIN_INCORRECT',
  CKR_PIN_LEN_RANGE: 'ERR_PIN_INCORRECT',
  CKR_PIN_LOCKED: 'ERR_PIN_LOCKED',
  CKR_PIN_EXPIRED: 'ERR_PIN_LOCKED',
  CKR_USER_PIN_NOT_INITIALIZED: 'ERR_PIN_LOCKED',
};

const HINTS: Readonly<Record<string, string>> = {
  CKR_PIN_INCORRECT:
    'correct the PIN; it was tried once and is not tried again, because tokens lock after a few wrong ones',
  CKR_PIN_INVALID: 'the PIN has characters that the token does not take',
  CKR_PIN_LEN_RANGE: 'the PIN is shorter or longer than the token takes',
  CKR_PIN_LOCKED: 'the token’s security officer can unlock it and set a new PIN',
  CKR_PIN_EXPIRED: 'the token wants a new PIN to be set',
  CKR_USER_PIN_NOT_INITIALIZED: 'the token’s security officer must set a user PIN first',
  CKR_DEVICE_REMOVED: 'was the token taken out?',
  CKR_TOKEN_NOT_PRESENT: 'was the token taken out?',
  CKR_TOKEN_NOT_RECOGNIZED: 'the token is of a kind that this library does not know',
  CKR_DEVICE_ERROR:
    'the library’s own log may say more; is the device there, and may this process use it?',
  CKR_GENERAL_ERROR:
    'the library’s own log may say more; check its configuration file and environment variables',
  CKR_FUNCTION_FAILED: 'the library’s own log may say more',
  CKR_SESSION_COUNT: 'other processes hold all sessions of the token',
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 'the security officer is logged in to the token',
  CKR_KEY_FUNCTION_NOT_PERMITTED: 'the key may not sign (CKA_SIGN is false)',
  CKR_MECHANISM_INVALID: 'the token or its key does not support this kind of signature',
  CKR_USER_NOT_LOGGED_IN: 'the token wants a login: give its PIN',
};

const OTHER_HINT = 'the library’s own log and documentation may say more';

/**
 * What a PKCS#11 return value means for the user.
 *
 * @param name - such as `CKR_PIN_INCORRECT` (PKCS #11 Base Specification 3.0, section 5.1.8)
 */
export function explainReturnValue(name: string): { code: ErrorCode; hint: string } {
  return { code: CODES[name] ?? 'ERR_PKCS11', hint: HINTS[name] ?? OTHER_HINT };
}
