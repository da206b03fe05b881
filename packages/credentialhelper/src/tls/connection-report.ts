import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { monotonicMs } from '../process/timers.ts';
import { excerpt } from '../text.ts';
import type { ConnectionReport } from './client.ts';

/** Further properties of an HTTPS socket. */
type HttpsSocket = Socket & {
  getProtocol?(): string | null;
  getPeerCertificate?(): { readonly subject?: { readonly CN?: unknown } } | undefined;
};

/**
 * Observes a request from its start.
 *
 * @returns a function that returns the properties of the connection, once the response has arrived
 */
export function watchConnection(sent: ClientRequest): () => ConnectionReport {
  let stepMs = monotonicMs();
  const step = (): number => {
    const before = stepMs;
    stepMs = monotonicMs();
    return Math.round(stepMs - before);
  };
  let report: ConnectionReport = {};
  sent.on('socket', (socket: HttpsSocket) => {
    socket.on('lookup', () => {
      report = { ...report, lookupMs: step() };
    });
    socket.on('connect', () => {
      report = { ...report, connectMs: step(), address: socket.remoteAddress };
    });
    socket.on('secureConnect', () => {
      const name = socket.getPeerCertificate?.()?.subject?.CN;
      report = {
        ...report,
        handshakeMs: step(),
        tlsVersion: socket.getProtocol?.() ?? undefined,
        server: name === undefined ? undefined : excerpt(String(name)),
      };
    });
  });
  return () => ({ ...report, responseMs: step() });
}
