import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError } from '../errors.ts';
import { libraryHint } from './library-hints.ts';

/** A PKCS#11 function returned a value other than `CKR_OK`. */
export class Pkcs11Error extends Error {
  override readonly name: string = 'Pkcs11Error';
  /** Such as `C_Login`. */
  readonly functionName: string;
  /** The name of the value, such as `CKR_PIN_INCORRECT`. */
  readonly returnValue: string;

  constructor(functionName: string, returnValue: string) {
    super(`${functionName} returned ${returnValue}`);
    this.functionName = functionName;
    this.returnValue = returnValue;
  }
}

const REMOVED = 'check that the token is connected; was it removed?';
const LOG = "see the library's own log";
const READ_ONLY =
  'the token is read-only: is this user permitted to write to its storage, and is the library initialized without flags=readOnly?';
const PIN_LENGTH = 'the PIN is shorter or longer than the token accepts';
const OFFICER = "the token's security officer can unlock it and set a new PIN";

/** The codes (other than `ERR_PKCS11`) and hints for return values. */
const MEANINGS: Readonly<Record<string, { readonly code?: ErrorCode; readonly hint: string }>> = {
  CKR_PIN_INCORRECT: {
    code: 'ERR_PIN_INCORRECT',
    hint: 'correct the PIN; it was tried once and is not tried again, because tokens lock after a few wrong PINs',
  },
  CKR_PIN_INVALID: {
    code: 'ERR_PIN_INCORRECT',
    hint: 'the PIN has characters that the token does not accept',
  },
  CKR_PIN_LEN_RANGE: { code: 'ERR_PIN_INCORRECT', hint: PIN_LENGTH },
  CKR_PIN_LOCKED: { code: 'ERR_PIN_LOCKED', hint: OFFICER },
  CKR_PIN_EXPIRED: { code: 'ERR_PIN_LOCKED', hint: 'the token requires a new PIN to be set' },
  CKR_USER_PIN_NOT_INITIALIZED: {
    code: 'ERR_PIN_LOCKED',
    hint: "the token's security officer must set a user PIN first",
  },
  CKR_DEVICE_REMOVED: { hint: REMOVED },
  CKR_TOKEN_NOT_PRESENT: { hint: REMOVED },
  CKR_TOKEN_NOT_RECOGNIZED: { hint: 'this library does not recognize the token' },
  CKR_DEVICE_ERROR: {
    hint: `${LOG}; is the device connected, and is this process permitted to use it?`,
  },
  CKR_GENERAL_ERROR: { hint: `${LOG}; check its configuration file and environment variables` },
  CKR_SESSION_COUNT: { hint: 'other processes have all sessions of the token open' },
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: { hint: 'the security officer is logged in to the token' },
  CKR_KEY_FUNCTION_NOT_PERMITTED: { hint: 'the key is not permitted to sign (CKA_SIGN is false)' },
  CKR_MECHANISM_INVALID: { hint: 'the token or its key does not support this kind of signature' },
  CKR_SESSION_READ_ONLY: { hint: READ_ONLY },
  CKR_TOKEN_WRITE_PROTECTED: { hint: READ_ONLY },
  CKR_USER_NOT_LOGGED_IN: { hint: 'the token requires a login: pass its PIN' },
};

/** Return values for missing prerequisites: a folder, a daemon, a permission, a parameter. */
const DEVICE: ReadonlySet<string> = new Set([
  ...['CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_DEVICE_ERROR', 'CKR_ARGUMENTS_BAD'],
  ...['CKR_HOST_MEMORY', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_TOKEN_NOT_PRESENT'],
]);

// Return values of libraries with many concurrent users, or of busy devices, which may succeed a moment later.
const BUSY: ReadonlySet<string> = new Set(
  [
    ...['GENERAL_ERROR', 'FUNCTION_FAILED', 'DEVICE_ERROR', 'DEVICE_MEMORY', 'HOST_MEMORY'],
    ...['OBJECT_HANDLE_INVALID', 'KEY_HANDLE_INVALID', 'TOKEN_NOT_RECOGNIZED', 'SESSION_COUNT'],
    ...['TOKEN_NOT_PRESENT', 'DEVICE_REMOVED', 'OPERATION_ACTIVE', 'CRYPTOKI_NOT_INITIALIZED'],
  ].map((name) => `CKR_${name}`),
);

/** The name of the return value that caused an error, also of an error of this package. */
export function returnValueOf(error: unknown): string | undefined {
  return pkcs11ErrorOf(error)?.returnValue;
}

/** Whether a call may succeed if it is retried a moment later. A login is not retried. */
export function isBusy(error: unknown): boolean {
  const failed = pkcs11ErrorOf(error);
  return failed !== undefined && failed.functionName !== 'C_Login' && BUSY.has(failed.returnValue);
}

function pkcs11ErrorOf(error: unknown): Pkcs11Error | undefined {
  if (error instanceof Pkcs11Error) return error;
  return error instanceof CredentialHelperError ? pkcs11ErrorOf(error.cause) : undefined;
}

/** The subject of a PKCS#11 call, for messages. */
export interface CallContext {
  /** Path of the library. */
  readonly library: string;
  /** The name of the token and slot in messages, if selected. */
  readonly token?: string | undefined;
}

/**
 * Runs PKCS#11 calls; converts their errors to errors of this package that name function, return value, token and
 * library.
 */
export function withContext<T>(context: CallContext, calls: () => T): T {
  try {
    return calls();
  } catch (error) {
    throw explain(error, context);
  }
}

/** The error of this package for a {@link Pkcs11Error}; other errors are returned unchanged. */
function explain(error: unknown, { library, token }: CallContext): unknown {
  if (!(error instanceof Pkcs11Error)) return error;
  const where = token === undefined ? '' : ` for ${token}`;
  const meaning = MEANINGS[error.returnValue];
  const { code = 'ERR_PKCS11' } = meaning ?? {};
  const isAround = error.functionName === 'C_Initialize' || DEVICE.has(error.returnValue);
  const fromDevice = isAround ? libraryHint(library) : undefined;
  const hint = fromDevice ?? meaning?.hint ?? `${LOG}, and its documentation`;
  return new CredentialHelperError(`${error.message}${where} (library ${library})`, {
    code,
    hint,
    cause: error,
  });
}
