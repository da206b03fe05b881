import type { Logger } from '@smithy/types';
import { exportProcessRecords, importProcessRecords } from '../pins/records.ts';
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
  const { library, pin } = tokenRequest.token;
  const redact = (text: string) => (pin == null ? text : text.replaceAll(pin.reveal(), '[secret]'));
  return inTurn(library, () =>
    askChild<HttpsResponse>({
      program: () => new URL('./token-request-child.js', import.meta.url),
      request: packTokenRequest(tokenRequest, exportProcessRecords(), logger?.trace !== undefined),
      library,
      limitMs: tokenRequest.connection.timeoutMs + GRACE_MS,
      limitHint:
        'is the token there, and does it wait for a touch or a PIN pad? "timeoutMs" sets the limit',
      endMs: END_MS,
      hidden,
      onTold: {
        pins: importProcessRecords,
        trace: (line) => logger?.trace?.(line),
        warning: (text) => logger?.warn(text),
      },
      onPrinted: (text) => logger?.debug(`PKCS#11 library ${library} printed: ${redact(text)}`),
    }),
  );
}
