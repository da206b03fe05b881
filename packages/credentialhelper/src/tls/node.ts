import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { LogLine } from '../observe/log.ts';
import { clearTimeout, setTimeout } from '../process/timers.ts';
import type { ConnectionSettings, HttpsRequest, HttpsResponse } from './client.ts';
import { watchConnection } from './connection-report.ts';
import { nodeFailure } from './node-failure.ts';
import { sendGet } from './send-get.ts';
import { openTunnel } from './tunnel.ts';
import { timedOut, type WireFailure, wireError } from './wire-error.ts';

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
  { timeoutMs, verifyPeer, proxy }: ConnectionSettings,
  secureContext: SecureContext,
  leftMs: number = timeoutMs,
  log?: LogLine,
): Promise<HttpsResponse> {
  return new Promise((resolve, reject) => {
    let during = `while connecting${proxy === undefined ? '' : ` to the proxy ${proxy.name}`}`;
    let isDone = false;
    /** The request to the proxy, if any, and the one to the endpoint. */
    const sent: ClientRequest[] = [];
    const report = log && watchConnection();
    /** @param finish - resolves or rejects the promise */
    const settle = (response: HttpsResponse | undefined, finish: () => void) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      const steps = report?.describe(describe(response));
      if (steps) log?.(`${request.headers.host}: ${steps}`);
      finish();
      if (response === undefined) for (const one of sent) one.destroy();
    };
    const fail = (failure: WireFailure, cause?: unknown) =>
      settle(undefined, () => reject(wireError(request, failure, cause)));
    const timer = setTimeout(() => fail(timedOut(timeoutMs, during)), leftMs);
    timer.unref();
    const events = {
      during(step: string) {
        during = step;
      },
      succeed: (response: HttpsResponse) => settle(response, () => resolve(response)),
      fail,
    };

    const send = (tunnel?: Socket) => {
      const get = sendGet(request, { secureContext, verifyPeer, leftMs, tunnel }, events);
      sent.push(get);
      if (tunnel === undefined) report?.connecting(get, request.host);
      else report?.tunnelled(get);
    };
    const trying = (start: () => void) => {
      try {
        start();
      } catch (error) {
        fail(nodeFailure(error, request, false), error);
      }
    };
    trying(() => {
      if (proxy === undefined) {
        send();
        return;
      }
      const open = (socket: Socket) => trying(() => send(socket));
      const connect = openTunnel(proxy, request, leftMs, { ...events, open });
      sent.push(connect);
      report?.proxied(connect, proxy);
    });
  });
}

/** A response in a log line. */
function describe(response: HttpsResponse | undefined): string | undefined {
  if (response === undefined) return undefined;
  const { status, headers } = response;
  return `HTTP ${status}, request id ${headers['x-amzn-requestid'] ?? 'none'}`;
}
