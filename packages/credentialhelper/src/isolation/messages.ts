import { CredentialHelperError, type ErrorCode, isCredentialHelperError } from '../errors.ts';
import { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { HttpsResponse } from '../tls/client.ts';
import type { TokenRequest } from './token-request.ts';

/** A {@link TokenRequest} as it goes over the channel: with the PIN as text. */
export type RequestMessage = Omit<TokenRequest, 'token'> & {
  readonly token: Omit<TokenKey, 'pin'> & { readonly pin: string | null | undefined };
};

/** What comes back over the channel: any number of warnings, then a response or an error. */
export type ResponseMessage =
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'response'; readonly response: HttpsResponse }
  | { readonly kind: 'error'; readonly error: ErrorMessage };

/** An error as it goes over the channel. `code` is missing where it is none of ours: a defect. */
interface ErrorMessage {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export function packRequest(request: TokenRequest): RequestMessage {
  const { pin } = request.token;
  return { ...request, token: { ...request.token, pin: pin == null ? pin : pin.reveal() } };
}

export function unpackRequest(message: RequestMessage): TokenRequest {
  const { pin } = message.token;
  return { ...message, token: { ...message.token, pin: pin == null ? pin : new Secret(pin) } };
}

export function packError(error: unknown): ResponseMessage {
  if (isCredentialHelperError(error)) {
    const { code, message, hint } = error;
    return { kind: 'error', error: { code, message, hint } };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'error', error: { code: undefined, message, hint: undefined } };
}

export function unpackError({ code, message, hint }: ErrorMessage): Error {
  return code === undefined
    ? new Error(message)
    : new CredentialHelperError(message, { code, hint });
}
