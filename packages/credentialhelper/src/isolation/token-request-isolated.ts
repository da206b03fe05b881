import type { Logger } from '@smithy/types';
import { percentEncode } from '../identity/pkcs11-uri.ts';
import type { HttpsResponse } from '../tls/client.ts';
import { askChild } from './ask-child.ts';
import type { TokenRequest } from './token-request.ts';
import { packTokenRequest } from './token-request-message.ts';
import { inTurn } from './turns.ts';

/** How much longer than the request itself the child may take: to start, and to report its own time-out. */
const GRACE_MS = 1000;

const END_MS = 2000;

/**
 * Makes a request with a key in a token in a child process of its own.
 *
 * Requests of this process that need the same library take turns: tokens have few sessions, and some libraries
 * (SoftHSM) lose sight of a token while another process logs in to it.
 *
 * The PIN goes over the channel between the processes, never through arguments or environment.
 *
 * @param hidden - an environment variable that the child must not see, because the PIN is in it
 * @throws {@link CredentialHelperError} (as a rejection) what `askChild` and `sendTokenRequest` throw
 */
export function sendTokenRequestIsolated(
  tokenRequest: TokenRequest,
  hidden: string | undefined,
  logger: Logger | undefined,
): Promise<HttpsResponse> {
  const { library } = tokenRequest.token;
  return inTurn(library, () =>
    askChild<HttpsResponse>({
      program: () => new URL('./token-request-child.js', import.meta.url),
      request: packTokenRequest(tokenRequest),
      library,
      limitMs: tokenRequest.connection.timeoutMs + GRACE_MS,
      limitHint:
        'is the token there, and does it wait for a touch or a keypad? "timeoutMs" sets the limit',
      endMs: END_MS,
      hidden,
      onWarning: (message) => logger?.warn(message),
      onPrinted: (text) =>
        logger?.debug(`PKCS#11 library ${library} printed: ${redact(text, tokenRequest)}`),
    }),
  );
}

/** libp11 prints the URI it was asked for, PIN included. */
function redact(text: string, { token: { pin } }: TokenRequest): string {
  if (pin == null) return text;
  const plain = pin.reveal();
  return text.replaceAll(percentEncode(plain), '[secret]').replaceAll(plain, '[secret]');
}
