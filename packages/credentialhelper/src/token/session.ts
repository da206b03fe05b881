import { CredentialHelperError } from '../errors.ts';
import type { Pin } from '../identity/pin.ts';
import type { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import { optionName } from '../option-names.ts';
import { type PinAttempt, tokenIdentity, tryPin, tryPinSync } from '../pins/try-pin.ts';
import { CKF, CKU } from '../pkcs11/constants.ts';
import type { Handle, Pkcs11 } from '../pkcs11/pkcs11.ts';
import { type CallContext, returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { hasFlag, type TokenSlot, tokenName } from './slots.ts';

/** A session with a token, logged in if the token requires it. */
export interface TokenSession {
  readonly pkcs11: Pkcs11;
  readonly token: TokenSlot;
  readonly handle: Handle;
  readonly context: CallContext;
  readonly login: Login;
  /** Closes the session; the login ends with the last session of the process. Does not throw. */
  close(): void;
}

/** How to log in. */
export interface Login extends Pick<TokenKey, 'pin' | 'ignorePinFlags' | 'stateFolder'> {
  /** The library's parameters, part of the identity of a token. */
  readonly libraryParameters?: string | undefined;
  /** How long to wait while other processes log in to the token, in milliseconds. */
  readonly waitMs: number;
  /** Called if a rejected PIN cannot be recorded. */
  readonly warn: (message: string) => void;
}

/**
 * Opens a session with a token and logs in if the token requires a login. The PIN is tried once, and not at all if
 * the token has rejected it before, reports it as locked or with one try left, or does not accept PINs of its length.
 *
 * @param access - whether objects are created or deleted
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PIN_REQUIRED`, `ERR_PIN_INCORRECT`, `ERR_PIN_LOCKED`,
 * `ERR_PIN_FINAL_TRY`, `ERR_PIN_UNANSWERED`, `ERR_TOKEN_TIMEOUT`, `ERR_PKCS11`
 */
export async function openSession(
  pkcs11: Pkcs11,
  token: TokenSlot,
  login: Login,
  access: 'read' | 'write' = 'read',
): Promise<TokenSession> {
  const session = openPublicSession(pkcs11, token, access, login);
  if (!hasFlag(token, 'LOGIN_REQUIRED')) return session;
  try {
    const { attempt, run } = prepareLogin(session, CKU.USER);
    if (attempt === undefined) run();
    else await tryPin(attempt, run);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

/** Same as {@link openSession}, but synchronous: it blocks the thread. */
export function openSessionSync(pkcs11: Pkcs11, token: TokenSlot, login: Login): TokenSession {
  const session = openPublicSession(pkcs11, token, 'read', login);
  if (!hasFlag(token, 'LOGIN_REQUIRED')) return session;
  try {
    logInSync(session, CKU.USER);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

/** Logs in again for the next signature (`CKA_ALWAYS_AUTHENTICATE`). */
export function logInForSignature(session: TokenSession): void {
  logInSync(session, CKU.CONTEXT_SPECIFIC);
}

/** Opens a session without a login, for public objects. */
export function openPublicSession(
  pkcs11: Pkcs11,
  token: TokenSlot,
  access: 'read' | 'write' = 'read',
  login: Login = NO_LOGIN,
): TokenSession {
  const context = { library: pkcs11.path, token: tokenName(token) };
  const flags = CKF.SERIAL_SESSION | (access === 'write' ? CKF.RW_SESSION : 0);
  const handle = withContext(context, () => pkcs11.openSession(token.slot, flags));
  let isOpen = true;
  const close = () => {
    // Once: the handle may be reused by another session.
    if (!isOpen) return;
    isOpen = false;
    try {
      pkcs11.closeSession(handle);
    } catch {
      // It is already closed, or the token was removed: the original error is reported.
    }
  };
  return { pkcs11, token, handle, context, login, close };
}

const NO_LOGIN: Login = {
  pin: undefined,
  ignorePinFlags: false,
  stateFolder: undefined,
  waitMs: 0,
  warn: () => {},
};

function logInSync(session: TokenSession, user: number): void {
  const { attempt, run } = prepareLogin(session, user);
  if (attempt === undefined) run();
  else tryPinSync(attempt, run);
}

/** A login to run; with `attempt` if it uses a PIN, which a token with a PIN pad asks for itself. */
function prepareLogin(
  { pkcs11, token, handle, context, login }: TokenSession,
  user: number,
): { readonly attempt: PinAttempt | undefined; readonly run: () => void } {
  const { pin, libraryParameters, stateFolder, waitMs, warn } = login;
  const name = tokenName(token);
  const run = () =>
    withContext(context, () => {
      // The current flags, under the lock: another process may have used up a try.
      const now = { ...token, info: pkcs11.getTokenInfo(token.slot) };
      if (!login.ignorePinFlags) assertPinUsable(now, name);
      assertPinGiven(now, pin, name);
      try {
        pkcs11.login(handle, user, pin?.reveal() ?? null);
      } catch (error) {
        // A login is valid for the whole process: another session has already logged in.
        if (returnValueOf(error) !== 'CKR_USER_ALREADY_LOGGED_IN') throw error;
      }
    });
  if (pin == null) return { attempt: undefined, run };
  assertPinLength(token, pin, name);
  const identity = tokenIdentity({ library: pkcs11.path, libraryParameters }, token.info);
  return {
    attempt: {
      koffi: pkcs11.koffi,
      token: identity,
      tokenName: name,
      pin,
      stateFolder,
      waitMs,
      warn,
    },
    run,
  };
}

function assertPinUsable(token: TokenSlot, name: string): void {
  if (hasFlag(token, 'USER_PIN_LOCKED')) {
    throw new CredentialHelperError(`the PIN of ${name} is locked`, {
      code: 'ERR_PIN_LOCKED',
      hint: "the token's security officer can unlock it and set a new PIN",
    });
  }
  if (hasFlag(token, 'USER_PIN_FINAL_TRY')) {
    throw new CredentialHelperError(
      `${name} has one try left before its PIN locks; the PIN was not tried`,
      {
        code: 'ERR_PIN_FINAL_TRY',
        hint: `verify the PIN, then log in once with ${optionName('ignorePinFlags')}: the right PIN resets the retry counter`,
      },
    );
  }
}

function assertPinGiven(token: TokenSlot, pin: Pin, name: string): void {
  const pinPad = hasFlag(token, 'PROTECTED_AUTHENTICATION_PATH');
  if (pin !== undefined && (pin !== null || pinPad)) return;
  throw new CredentialHelperError(
    pin === null
      ? `${name} has no PIN pad of its own, so the PIN cannot be null`
      : `${name} requires a login and no PIN was passed`,
    {
      code: 'ERR_PIN_REQUIRED',
      hint: pinPad ? "pass null as PIN to use the token's own PIN pad" : "pass the user's PIN",
    },
  );
}

// A PIN of a length that the token does not accept may still count as a try.
function assertPinLength({ info: { pinBytes } }: TokenSlot, pin: Secret, name: string): void {
  if (pinBytes === undefined) return;
  const length = Buffer.byteLength(pin.reveal());
  if (length >= pinBytes.min && length <= pinBytes.max) return;
  throw new CredentialHelperError(
    `${name} accepts PINs of ${pinBytes.min} to ${pinBytes.max} bytes, and this one is ${length < pinBytes.min ? 'shorter' : 'longer'}; it was not tried`,
    { code: 'ERR_PIN_INCORRECT', hint: 'correct the PIN' },
  );
}
