import { CredentialHelperError } from '../errors.ts';
import type { Secret } from '../identity/secret.ts';
import { forgetPins, tokenIdentity } from '../pins/try-pin.ts';
import { returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { assertNewPinLength } from './init.ts';
import type { TokenSession } from './session.ts';

const NEW_PIN_REFUSALS = ['CKR_PIN_INVALID', 'CKR_PIN_LEN_RANGE'];

/**
 * Sets a new PIN for the logged-in user, and deletes the records of rejected PINs.
 *
 * @param session - a read/write session, logged in with the current PIN
 * @param newPin - null for a token with a PIN pad, which asks for both
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION` for a new PIN that the token does not accept;
 * `ERR_PIN_INCORRECT`, `ERR_PKCS11`
 */
export function changePin(session: TokenSession, newPin: Secret | null): void {
  const { pkcs11, token, handle, context, login } = session;
  if (newPin !== null) assertNewPinLength(token, newPin, 'new PIN');
  const before = login.pin?.reveal() ?? null;
  try {
    withContext(context, () => pkcs11.setPin(handle, before, newPin?.reveal() ?? null));
  } catch (error) {
    // The current PIN has just been accepted.
    if (!NEW_PIN_REFUSALS.includes(returnValueOf(error) ?? '')) throw error;
    throw new CredentialHelperError(
      `the token does not accept the new PIN: ${(error as Error).message}`,
      {
        code: 'ERR_INVALID_OPTION',
        cause: error,
        hint: 'choose another: its policy may require only digits, or a longer PIN; the PIN was not changed',
      },
    );
  }
  const location = { library: pkcs11.path, libraryParameters: login.libraryParameters };
  forgetPins(tokenIdentity(location, token.info), login.stateFolder);
}
