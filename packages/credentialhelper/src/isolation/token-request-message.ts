import { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { TokenRequest } from './token-request.ts';

/** A {@link TokenRequest} as it goes over the channel: with the PIN as text. */
export type TokenRequestMessage = Omit<TokenRequest, 'token'> & {
  readonly token: Omit<TokenKey, 'pin'> & { readonly pin: string | null | undefined };
};

export function packTokenRequest(request: TokenRequest): TokenRequestMessage {
  const { pin } = request.token;
  return { ...request, token: { ...request.token, pin: pin == null ? pin : pin.reveal() } };
}

export function unpackTokenRequest(message: TokenRequestMessage): TokenRequest {
  const { pin } = message.token;
  return { ...message, token: { ...message.token, pin: pin == null ? pin : new Secret(pin) } };
}
