import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { monotonicMs } from '../process/timers.ts';
import { excerpt } from '../text.ts';
import type { ConnectionReport } from './client.ts';

/** What a socket that was made for HTTPS has besides. */
type HttpsSocket = Socket & {
  getProtocol?(): string | null;
  getPeerCertificate?(): { readonly subject?: { readonly CN?: unknown } } | undefined;
};

/**
 * Watches a request from its beginning.
 *
 * @returns gives what is known once the response has come
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
