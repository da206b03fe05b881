import type { Secret } from '../identity/secret.ts';
import { forgetPins, tokenIdentity } from '../pins/try-pin.ts';
import { withContext } from '../pkcs11/return-value.ts';
import { assertNewPinLength } from './init.ts';
import type { TokenSession } from './session.ts';

/**
 * Sets another PIN for the user who is logged in, and forgets which PINs the token rejected before.
 *
 * @param session - one that may write, logged in: the present PIN has proved to be right
 * @param newPin - null on a token with a PIN pad, which asks for both
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION` for a PIN whose length the token does not take;
 * `ERR_PIN_INCORRECT`, `ERR_PKCS11`
 */
export function changePin(session: TokenSession, newPin: Secret | null): void {
  const { pkcs11, token, handle, context, login } = session;
  if (newPin !== null) assertNewPinLength(token, newPin, 'new PIN');
  const before = login.pin?.reveal() ?? null;
  withContext(context, () => pkcs11.setPin(handle, before, newPin?.reveal() ?? null));
  const location = { library: pkcs11.path, libraryParameters: login.libraryParameters };
  forgetPins(tokenIdentity(location, token.info), login.stateFolder);
}
