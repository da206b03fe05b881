import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { HttpsRequest, TrustedProxy } from './client.ts';
import { attemptMs, watchConnecting } from './connecting.ts';
import { proxyFailure, proxyRefusal } from './proxy-failure.ts';
import type { GetEvents } from './send-get.ts';

/** Callbacks of {@link openTunnel}. */
export interface TunnelEvents extends Pick<GetEvents, 'during' | 'fail'> {
  /** Called with the connection to the endpoint. */
  readonly open: (socket: Socket) => void;
}

/**
 * Opens a connection to an endpoint through a proxy: HTTP CONNECT (RFC 9110, section 9.3.6), with Node.js's own client.
 * It verifies an HTTPS proxy with the default CA certificates, and has no client certificate that it could offer to it.
 *
 * @param leftMs - the remaining timeout in milliseconds; the caller destroys the request when it is over
 * @returns the request to the proxy
 * @throws errors of Node.js that it throws at once
 */
export function openTunnel(
  proxy: TrustedProxy,
  request: HttpsRequest,
  leftMs: number,
  { during, fail, open }: TunnelEvents,
): ClientRequest {
  const { isSecure, host, port, authorization, ca } = proxy;
  const endpoint = `${request.host.includes(':') ? `[${request.host}]` : request.host}:${request.port}`;
  const options: RequestOptions & TcpNetConnectOpts = {
    method: 'CONNECT',
    host,
    port,
    path: endpoint,
    headers: {
      host: endpoint,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }),
    },
    agent: false,
    // RFC 6066, section 3: an IP address is not a server name.
    ...(isSecure
      ? { servername: isIP(host) ? '' : host, ...(ca === undefined ? {} : { ca }) }
      : {}),
    autoSelectFamilyAttemptTimeout: attemptMs(leftMs),
  };
  const sent = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http').request(options);
  const isReady = () => during(`waiting for the proxy ${proxy.name} to connect`);
  watchConnecting(sent, () => {
    if (!isSecure) isReady();
  });
  sent.on('socket', (socket) => socket.on('secureConnect', isReady));
  sent.on('error', (error) => fail(proxyFailure(error, proxy), error));
  // Of any status. Without a listener for it Node.js would close the connection.
  sent.on('connect', (response: IncomingMessage, socket: Socket, head: Buffer) => {
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      fail(proxyRefusal(response, proxy, endpoint));
      return;
    }
    if (head.length > 0) socket.unshift(head);
    open(socket);
  });
  sent.end();
  return sent;
}
