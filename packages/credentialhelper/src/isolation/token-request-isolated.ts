import { X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { applyProcessRecord, exportProcessRecords } from '../pins/records.ts';
import { askChild } from '../process/ask-child.ts';
import type { ChildOptions } from '../process/program.ts';
import { monotonicMs } from '../process/timers.ts';
import { inTurn } from '../process/turns.ts';
import type { HttpsResponse } from '../tls/client.ts';
import type { TokenRequest } from './token-request.ts';
import { packTokenRequest } from './token-request-message.ts';

const END_MS = 2000;

/** Set by the build of the command line, whose files are in a folder of their own. */
declare const IS_COMMAND_LINE: true | undefined;

// Each path is literal: bundlers recognize it.
const program = () =>
  typeof IS_COMMAND_LINE === 'boolean'
    ? new URL('../token-request-child.js', import.meta.url)
    : new URL('./token-request-child.js', import.meta.url);

/**
 * Sends a request with a key in a token from a child process.
 *
 * Requests of this process that use the same library run one at a time, in one child process if they follow each
 * other: tokens have few sessions, and some libraries (SoftHSM) do not show a token while another process logs in to
 * it. The timeout includes queueing.
 *
 * The PIN is sent over the IPC channel, never in arguments or environment.
 *
 * @param options - which Node.js and program to start
 * @param begin - start of the timeout, from `monotonicMs()`
 * @param onCertificate - called with the device certificate before it is used
 * @throws {@link CredentialHelperError} (as a rejection) errors of `askChild` and `sendTokenRequest`
 */
export function sendTokenRequestIsolated(
  tokenRequest: TokenRequest,
  options: ChildOptions,
  log: Log,
  begin: number,
  onCertificate: (certificate: X509Certificate) => void,
): Promise<HttpsResponse> {
  const { timeoutMs } = tokenRequest.connection;
  const { library, libraryParameters, pin } = tokenRequest.token;
  const redact = (text: string) => (pin == null ? text : text.replaceAll(pin.reveal(), '[secret]'));
  const waitMs = timeoutMs - (monotonicMs() - begin);
  return inTurn(library, waitMs, late(library, timeoutMs), () =>
    askChild<HttpsResponse>({
      options,
      program,
      request: packTokenRequest(tokenRequest, exportProcessRecords(), {
        debug: log.debug !== undefined,
        trace: log.trace !== undefined,
      }),
      library: `the PKCS#11 library ${library}`,
      limitMs: timeoutMs,
      waitedMs: monotonicMs() - begin,
      limitHint:
        'is the token connected, and does it wait for a touch or its PIN pad? "timeoutMs" sets the limit',
      crashHint: "see the library's own log",
      endMs: END_MS,
      // A library is initialized once in a process.
      keepAs: JSON.stringify([library, libraryParameters]),
      onReport: {
        pin: applyProcessRecord,
        certificate: (der) => onCertificate(new X509Certificate(der)),
        debug: (line) => log.debug?.(line),
        trace: (line) => log.trace?.(line),
        warning: (text) => log.warn?.(text),
      },
      redact,
      onPrinted: (text) => log.debug?.(`PKCS#11 library ${library} printed: ${text}`),
    }),
  );
}

function late(library: string, limitMs: number): () => CredentialHelperError {
  return () =>
    new CredentialHelperError(
      `other requests of this process have been using the PKCS#11 library ${library} for ${limitMs} ms`,
      {
        code: 'ERR_TOKEN_TIMEOUT',
        hint: 'does the token hang, or are there many sessions? They use the library one at a time; "timeoutMs" sets the limit',
      },
    );
}
