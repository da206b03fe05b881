import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@smithy/types';
import { CredentialHelperError } from '../errors.ts';
import { percentEncode } from '../identity/pkcs11-uri.ts';
import type { HttpsResponse } from '../tls/client.ts';
import { packRequest, type ResponseMessage, unpackError } from './messages.ts';
import type { TokenRequest } from './token-request.ts';
import { inTurn } from './turns.ts';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));

/** How much longer than the request itself the child may take: to start, and to report its own time-out. */
const GRACE_MS = 1000;

/** How long a child may take to end once it has answered; then it is killed. */
const END_MS = 2000;

const MAX_OUTPUT_CHARACTERS = 4096;

/**
 * Makes a request with a key in a token in a child process of its own, which ends afterwards. A library that crashes,
 * hangs or prints does so there.
 *
 * Requests of this process that need the same library take turns: tokens have few sessions, and some libraries
 * (SoftHSM) lose sight of a token while another process logs in to it.
 *
 * The PIN goes over the channel between the processes, never through arguments or environment.
 *
 * @param hidden - an environment variable that the child must not see, because the PIN is in it
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TOKEN_TIMEOUT`, `ERR_TOKEN_CRASHED`, and all that
 * `sendTokenRequest` throws
 */
export function sendTokenRequestIsolated(
  tokenRequest: TokenRequest,
  hidden: string | undefined,
  logger: Logger | undefined,
): Promise<HttpsResponse> {
  return inTurn(tokenRequest.token.library, () => sendThroughChild(tokenRequest, hidden, logger));
}

function sendThroughChild(
  tokenRequest: TokenRequest,
  hidden: string | undefined,
  logger: Logger | undefined,
): Promise<HttpsResponse> {
  const { library } = tokenRequest.token;
  const limitMs = tokenRequest.connection.timeoutMs + GRACE_MS;
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [], {
      execArgv: [],
      env: environmentWithout(hidden),
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a session of its own it has no terminal, so nothing in it can ask for a PIN there.
      detached: true,
    });
    const output = collectOutput(child);
    let done = false;
    const settle = (finish: () => void) => {
      if (done) return;
      done = true;
      clearTimeout(deadline);
      letGo(child);
      finish();
    };
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      settle(() =>
        reject(
          new CredentialHelperError(
            `the PKCS#11 library ${library} did not come back within ${limitMs} ms; the process it ran in was ended`,
            {
              code: 'ERR_TOKEN_TIMEOUT',
              hint: 'is the token there, and does it wait for a touch or a keypad? "timeoutMs" sets the limit',
            },
          ),
        ),
      );
    }, limitMs);

    child.on('message', (message: ResponseMessage) => {
      if (message.kind === 'warning') {
        logger?.warn(message.message);
        return;
      }
      settle(() => {
        if (message.kind === 'response') resolve(message.response);
        else reject(unpackError(message.error));
      });
    });
    child.on('error', (cause) => {
      settle(() =>
        reject(
          new CredentialHelperError(
            `cannot start the process that is to load the PKCS#11 library ${library}: ${cause.message}`,
            { code: 'ERR_TOKEN_CRASHED', cause, hint: 'does this system allow more processes?' },
          ),
        ),
      );
    });
    child.on('close', (code, signal) => {
      const printed = redact(output(), tokenRequest);
      if (printed !== '') logger?.debug(`PKCS#11 library ${library} printed: ${printed}`);
      settle(() =>
        reject(
          new CredentialHelperError(
            `the process that had loaded the PKCS#11 library ${library} ended before it answered (${signal ?? `exit status ${code}`})`,
            {
              code: 'ERR_TOKEN_CRASHED',
              hint: 'the library crashed: look for a newer one, and for what it logged itself',
            },
          ),
        ),
      );
    });
    // Where the child ends at once, `close` tells; the channel has nothing to add.
    child.send(packRequest(tokenRequest), () => {});
  });
}

export function environmentWithout(name: string | undefined): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: PKCS#11 libraries find their configuration by environment variables
  const environment = { ...process.env };
  if (name !== undefined) delete environment[name];
  return environment;
}

/** Lets a child that has answered end by itself, without this process waiting for it; a child that hangs is killed. */
function letGo(child: ChildProcess): void {
  const kill = setTimeout(() => child.kill('SIGKILL'), END_MS);
  kill.unref();
  child.once('exit', () => clearTimeout(kill));
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) {
    (stream as { unref?: () => void } | null)?.unref?.();
  }
}

/** Keeps the first part of what a child prints. */
function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(0, MAX_OUTPUT_CHARACTERS);
    });
  }
  return () => text.trim();
}

/** libp11 prints the URI it was asked for, PIN included. */
function redact(text: string, { token: { pin } }: TokenRequest): string {
  if (pin == null) return text;
  const plain = pin.reveal();
  return text.replaceAll(percentEncode(plain), '[secret]').replaceAll(plain, '[secret]');
}
