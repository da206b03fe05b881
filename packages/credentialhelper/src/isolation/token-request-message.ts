import { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { ProcessRecordsState } from '../pins/records.ts';
import type { TokenRequest } from './token-request.ts';

/** A {@link TokenRequest} as sent over the IPC channel, with the PIN as text. */
export interface TokenRequestMessage extends Omit<TokenRequest, 'token'> {
  readonly token: Omit<TokenKey, 'pin'> & { readonly pin: string | null | undefined };
  /** The PIN records of the parent process. */
  readonly pins: ProcessRecordsState;
  /** Whether to report each PKCS#11 call. */
  readonly isTraced: boolean;
}

export function packTokenRequest(
  request: TokenRequest,
  pins: ProcessRecordsState,
  isTraced: boolean,
): TokenRequestMessage {
  const { pin } = request.token;
  const token = { ...request.token, pin: pin == null ? pin : pin.reveal() };
  return { ...request, token, pins, isTraced };
}

export function unpackTokenRequest({
  pins: _,
  isTraced: __,
  ...message
}: TokenRequestMessage): TokenRequest {
  const { pin } = message.token;
  return { ...message, token: { ...message.token, pin: pin == null ? pin : new Secret(pin) } };
}
