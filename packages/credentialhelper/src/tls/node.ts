import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import { getDefaultAutoSelectFamilyAttemptTimeout, isIP, type TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { LogLine } from '../observe/log.ts';
import { ENDING_CHECK_MS, isEnding } from '../process/ending.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../process/timers.ts';
import { excerpt } from '../text.ts';
import {
  type ConnectionSettings,
  type HttpsRequest,
  type HttpsResponse,
  MAX_BODY_BYTES,
} from './client.ts';
import { watchConnection } from './connection-report.ts';
import { nodeFailure } from './node-failure.ts';
import { releaseWithConnection } from './secure-context.ts';
import { timedOut, tooLarge, type WireFailure, wireError } from './wire-error.ts';

/**
 * One GET with `node:https`, on a new connection, with the certificate and key of a TLS context.
 *
 * Redirects are not followed: the client certificate is sent only to the endpoint.
 *
 * The connection does not keep this process running; pending promises do.
 *
 * @param secureContext - for this request alone: it is released with the connection
 * @param leftMs - the remaining timeout in milliseconds
 * @param log - called with the steps of the request and their durations, also if it fails
 * @throws {@link CredentialHelperError} (as a rejection) with a code for the network or TLS error
 */
export function getWithNode(
  request: HttpsRequest,
  { timeoutMs, verifyPeer }: ConnectionSettings,
  secureContext: SecureContext,
  leftMs: number = timeoutMs,
  log?: LogLine,
): Promise<HttpsResponse> {
  // Loaded here: not needed if a child process sends the requests.
  const { request: httpsRequest } = process.getBuiltinModule('node:https');
  return new Promise((resolve, reject) => {
    let during = 'while connecting';
    let answered = false;
    let isDone = false;
    /** @param finish - resolves or rejects the promise */
    const settle = (response: HttpsResponse | undefined, finish: () => void) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      if (report !== undefined) log?.(`${request.headers.host}: ${report(describe(response))}`);
      finish();
      if (response === undefined) sent.destroy();
    };
    const succeed = (response: HttpsResponse) => settle(response, () => resolve(response));
    const fail = (failure: WireFailure, cause?: unknown) =>
      settle(undefined, () => reject(wireError(request, failure, cause)));
    const failWith = (error: unknown) => fail(nodeFailure(error, request, answered), error);
    const timer = setTimeout(() => fail(timedOut(timeoutMs, during)), leftMs);
    timer.unref();

    const options: RequestOptions & ConnectionOptions & TcpNetConnectOpts = {
      host: request.host,
      port: request.port,
      path: request.path,
      headers: request.headers,
      method: 'GET',
      agent: false,
      secureContext,
      rejectUnauthorized: verifyPeer,
      // RFC 6066, section 3: an IP address is not a server name.
      servername: isIP(request.host) ? '' : request.host,
      // Each of several addresses gets an equal share of the timeout: the default of 250 ms is too short for a slow
      // link.
      autoSelectFamilyAttemptTimeout: Math.max(
        getDefaultAutoSelectFamilyAttemptTimeout(),
        Math.round(leftMs / 4),
      ),
    };
    let sent: ClientRequest;
    try {
      sent = httpsRequest(options);
    } catch (error) {
      // Deno throws permission errors here.
      clearTimeout(timer);
      reject(wireError(request, nodeFailure(error, request, answered), error));
      return;
    }
    const report = log && watchConnection(sent, request.host);
    const stopWatching = watchConnecting(() => sent.destroy(new Error('this process ends')));
    sent.on('close', stopWatching);
    sent.on('socket', (socket) => {
      socket.unref();
      socket.on('connect', () => {
        stopWatching();
        releaseWithConnection(secureContext);
        during = 'in the TLS handshake';
      });
      socket.on('secureConnect', () => {
        during = 'waiting for the response';
      });
    });
    sent.on('error', failWith);
    // Nobody asked for another protocol; without a listener Node.js would wait for more.
    sent.on('upgrade', ({ statusCode = 0, headers }) => {
      succeed({ status: statusCode, headers: joinHeaders(headers), body: Buffer.of() });
      sent.destroy();
    });
    sent.on('response', (response) => {
      answered = true;
      during = 'within the response';
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('error', failWith);
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > MAX_BODY_BYTES) fail(tooLarge());
      });
      response.on('end', () => {
        succeed({
          status: response.statusCode ?? 0,
          headers: joinHeaders(response.headers),
          body: Buffer.concat(chunks),
        });
      });
    });
    sent.end();
  });
}

/** A response in a log line. */
function describe(response: HttpsResponse | undefined): string | undefined {
  if (response === undefined) return undefined;
  const { status, headers } = response;
  return `HTTP ${status}, request id ${headers['x-amzn-requestid'] ?? 'none'}`;
}

/** The callbacks of {@link watchConnecting}, and the timer of their checks: one for all of them. */
const connecting = new Set<() => void>();
let watch: NodeJS.Timeout | undefined;

/**
 * Calls back when only connecting sockets keep this process running: no promise waits for them, but Node.js would
 * wait until they are connected.
 *
 * @returns a function that stops the checks
 */
function watchConnecting(end: () => void): () => void {
  connecting.add(end);
  watch ??= setInterval(endAll, ENDING_CHECK_MS).unref();
  return () => {
    connecting.delete(end);
    if (connecting.size > 0) return;
    clearInterval(watch);
    watch = undefined;
  };
}

function endAll(): void {
  if (isEnding()) for (const end of connecting) end();
}

/** Longer than any used header field of the credential provider, in characters. */
const MAX_HEADER_CHARACTERS = 200;

function joinHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      excerpt([value ?? ''].flat().join(', '), MAX_HEADER_CHARACTERS),
    ]),
  );
}
