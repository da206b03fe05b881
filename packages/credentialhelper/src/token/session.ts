import type { Handle } from 'pkcs11js';
import { CredentialHelperError, isPinRejection } from '../errors.ts';
import type { Pin } from '../identity/pin.ts';
import type { Library, TokenInSlot } from './library.ts';
import { type CallContext, pkcs11Error, returnValueName, withContext } from './pkcs11-error.ts';
import { openRejectedPins, type RejectedPins } from './rejected-pins.ts';

/** A session with a token, logged in where the token wants that. */
export interface TokenSession {
  readonly library: Library;
  readonly token: TokenInSlot;
  readonly session: Handle;
  readonly context: CallContext;
  /** Closes the session. The login ends with the last session of the process. */
  close(): void;
}

/** How careful a login is. */
export interface LoginOptions {
  /** The PINs that tokens have rejected before. */
  readonly rejectedPins: RejectedPins;
  /** Whether to log in to a token that says its PIN is locked or has one try left. */
  readonly ignorePinFlags: boolean;
  /** Whether objects are to be made or removed; else the session can only read, which is the default. */
  readonly write?: boolean;
}

/**
 * Opens a session with a token and logs in where the token wants a login. The PIN is tried once, and not at all where
 * the token has rejected it before, says that it is locked, or has one try left.
 *
 * @throws {@link CredentialHelperError} `ERR_PIN_REQUIRED`, `ERR_PIN_INCORRECT`, `ERR_PIN_LOCKED`, `ERR_PIN_FINAL_TRY`,
 * `ERR_PKCS11`
 */
export function openSession(
  library: Library,
  token: TokenInSlot,
  pin: Pin,
  options: LoginOptions,
): TokenSession {
  const { pkcs11, binding } = library;
  const { slotId, token: label } = token.attributes;
  const context = { library: library.path, token: `token "${label}" in slot ${slotId}` };
  return withContext(context, () => {
    const flags = binding.CKF_SERIAL_SESSION | (options.write ? binding.CKF_RW_SESSION : 0);
    const session = pkcs11.C_OpenSession(token.slot, flags);
    if ((token.flags & binding.CKF_LOGIN_REQUIRED) !== 0) {
      assertLoginPossible(library, token, pin, options.ignorePinFlags);
      login(library, token, session, pin, options.rejectedPins);
    }
    return { library, token, session, context, close: () => pkcs11.C_CloseSession(session) };
  });
}

/**
 * Checks that a login may be tried: a PIN is given where one is needed, and the token does not say that its PIN is
 * locked or has one try left.
 *
 * @throws {@link CredentialHelperError} `ERR_PIN_REQUIRED`, `ERR_PIN_LOCKED`, `ERR_PIN_FINAL_TRY`
 */
export function assertLoginPossible(
  library: Library,
  token: TokenInSlot,
  pin: Pin,
  ignorePinFlags: boolean,
): void {
  const { slotId, token: label } = token.attributes;
  const name = `token "${label}" in slot ${slotId}`;
  if (!ignorePinFlags) assertPinUsable(library, token, name);
  assertPinGiven(library, token, pin, name);
}

function login(
  { path, pkcs11, binding }: Library,
  { attributes }: TokenInSlot,
  session: Handle,
  pin: Pin,
  rejectedPins: RejectedPins,
): void {
  const { token, serial, manufacturer } = attributes;
  const identity = JSON.stringify([manufacturer, token, serial]);
  if (pin != null) rejectedPins.assertNotRejected(identity, pin);
  try {
    // The binding cannot pass no PIN at all, as PKCS#11 has it for a keypad; an empty one is taken for it.
    pkcs11.C_Login(session, binding.CKU_USER, pin?.reveal() ?? '');
  } catch (error) {
    // A login holds for the whole process, and what speaks TLS in it may have logged in before.
    if (returnValueName(error) === 'CKR_USER_ALREADY_LOGGED_IN') return;
    const explained = pkcs11Error(error, {
      library: path,
      token: `token "${token}" in slot ${attributes.slotId}`,
    });
    if (pin != null && isPinRejection(explained)) rejectedPins.remember(identity, pin, explained);
    throw explained;
  }
}

function assertPinUsable({ binding }: Library, { flags }: TokenInSlot, name: string): void {
  if ((flags & binding.CKF_USER_PIN_LOCKED) !== 0) {
    throw new CredentialHelperError(`the PIN of ${name} is locked`, {
      code: 'ERR_PIN_LOCKED',
      hint: 'the token’s security officer can unlock it and set a new PIN',
    });
  }
  if ((flags & binding.CKF_USER_PIN_FINAL_TRY) !== 0) {
    throw new CredentialHelperError(
      `${name} has one try left before its PIN locks; it was not used up`,
      {
        code: 'ERR_PIN_FINAL_TRY',
        hint: 'make sure of the PIN, then log in once with "ignorePinFlags": the right PIN gives all tries back',
      },
    );
  }
}

function assertPinGiven(
  { binding }: Library,
  { flags }: TokenInSlot,
  pin: Pin,
  name: string,
): void {
  const keypad = (flags & binding.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
  if (pin === undefined || (pin === null && !keypad)) {
    throw new CredentialHelperError(
      pin === null
        ? `${name} has no keypad of its own, so null is no PIN for it`
        : `${name} wants a login and no PIN was given`,
      {
        code: 'ERR_PIN_REQUIRED',
        hint: keypad ? 'pass null as PIN to use the token’s own keypad' : 'pass the user’s PIN',
      },
    );
  }
}

/** Opens a session that sees what anybody may see of a token, and logs in nowhere. */
export function openPublicSession(library: Library, token: TokenInSlot): TokenSession {
  const flags = token.flags & ~library.binding.CKF_LOGIN_REQUIRED;
  const rejectedPins = openRejectedPins(undefined, () => {});
  return openSession(library, { ...token, flags }, undefined, {
    rejectedPins,
    ignorePinFlags: false,
  });
}
