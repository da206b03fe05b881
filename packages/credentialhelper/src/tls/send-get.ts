import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import { excerpt } from '../text.ts';
import { type HttpsRequest, type HttpsResponse, MAX_BODY_BYTES } from './client.ts';
import { attemptMs, watchConnecting } from './connecting.ts';
import { nodeFailure } from './node-failure.ts';
import { releaseWithConnection } from './secure-context.ts';
import { tooLarge, type WireFailure } from './wire-error.ts';

/** How {@link sendGet} connects. */
export interface GetOptions {
  /** For this request alone: it is released with the connection. */
  readonly secureContext: SecureContext;
  /** Whether the server certificate is verified. */
  readonly verifyPeer: boolean;
  /** The remaining timeout in milliseconds. */
  readonly leftMs: number;
  /** A connection through a proxy; undefined for a direct one. */
  readonly tunnel: Socket | undefined;
}

/** Callbacks of {@link sendGet}. */
export interface GetEvents {
  /** Called with what is done next, for a timeout. */
  readonly during: (step: string) => void;
  /** Called once the response is complete. */
  readonly succeed: (response: HttpsResponse) => void;
  readonly fail: (failure: WireFailure, cause?: unknown) => void;
}

/**
 * Sends a GET with `node:https` and reads the response. The caller destroys the request when its timeout is over.
 *
 * @throws errors of Node.js that it throws at once; Deno throws permission errors here
 */
export function sendGet(
  request: HttpsRequest,
  { secureContext, verifyPeer, leftMs, tunnel }: GetOptions,
  { during, succeed, fail }: GetEvents,
): ClientRequest {
  // Loaded here: not needed if a child process sends the requests.
  const { request: httpsRequest } = process.getBuiltinModule('node:https');
  const http: RequestOptions = {
    host: request.host,
    port: request.port,
    path: request.path,
    headers: request.headers,
    method: 'GET',
  };
  const tls: ConnectionOptions = {
    host: request.host,
    secureContext,
    rejectUnauthorized: verifyPeer,
    // RFC 6066, section 3: an IP address is not a server name.
    servername: isIP(request.host) ? '' : request.host,
  };
  const isConnected = () => {
    releaseWithConnection(secureContext);
    during('in the TLS handshake');
  };
  let sent: ClientRequest;
  if (tunnel === undefined) {
    const tcp: Partial<TcpNetConnectOpts> = { autoSelectFamilyAttemptTimeout: attemptMs(leftMs) };
    sent = httpsRequest({ ...http, ...tls, ...tcp, agent: false });
    watchConnecting(sent, isConnected);
  } else {
    const { connect } = process.getBuiltinModule('node:tls');
    isConnected();
    sent = httpsRequest({ ...http, createConnection: () => connect({ ...tls, socket: tunnel }) });
  }
  let answered = false;
  const failWith = (error: unknown) => fail(nodeFailure(error, request, answered), error);
  sent.on('socket', (socket) => {
    socket.on('secureConnect', () => during('waiting for the response'));
  });
  sent.on('error', failWith);
  // Nobody asked for another protocol; without a listener Node.js would wait for more.
  sent.on('upgrade', ({ statusCode = 0, headers }) => {
    succeed({ status: statusCode, headers: joinHeaders(headers), body: Buffer.of() });
    sent.destroy();
  });
  sent.on('response', (response) => {
    answered = true;
    during('within the response');
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
  return sent;
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
