import type { ClientRequest, IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import type { HttpProxy } from '../options/proxy.ts';
import { monotonicMs } from '../process/timers.ts';
import { excerpt } from '../text.ts';

/** Further properties of an HTTPS socket. */
type HttpsSocket = Socket & {
  getProtocol?(): string | null;
  getPeerCertificate?(): PeerCertificate | DetailedPeerCertificate | null;
};

/** A step of a request, with what is known about it. */
interface Step {
  readonly name: string;
  readonly details: string[];
  /** How long it took, in milliseconds; undefined as long as it is not done. */
  tookMs?: number;
}

/** Observes a request, for the log. */
export interface ConnectionReport {
  /** Observes a request that connects to the endpoint, from its start. */
  connecting(sent: ClientRequest, host: string): void;
  /** Observes a CONNECT request, from its start. */
  proxied(sent: ClientRequest, proxy: HttpProxy): void;
  /** Observes a request through a proxy that has connected. */
  tunnelled(sent: ClientRequest): void;
  /** Describes the steps so far, with the response if it has arrived; undefined if nothing was sent. */
  describe(response: string | undefined): string | undefined;
}

/** Starts to observe a request, for the log. */
export function watchConnection(): ConnectionReport {
  const steps: Step[] = [];
  let stepMs = monotonicMs();
  const finish = () => {
    const step = steps.at(-1);
    if (step !== undefined) step.tookMs = monotonicMs() - stepMs;
    stepMs = monotonicMs();
  };
  const next = (name: string, ...details: string[]) => {
    finish();
    steps.push({ name, details });
  };
  const note = (detail: string) => steps.at(-1)?.details.push(detail);

  /** @param prefix - before the names of the steps */
  const watchTcp = (sent: ClientRequest, host: string, prefix: string, then: string) => {
    next(prefix + (isIP(host) === 0 ? 'lookup' : 'connect'));
    const [first] = steps;
    sent.on('socket', (socket) => {
      // Once for each address of the name.
      socket.on('lookup', (error: Error | null, address: string) => {
        if (error !== null) return;
        first?.details.push(address);
        if (steps.length === 1) next(`${prefix}connect`);
      });
      socket.on('connectionAttemptFailed', (address: string, _port, _family, error: Error) => {
        note(`${address}: ${(error as NodeJS.ErrnoException).code}`);
      });
      socket.on('connectionAttemptTimeout', (address: string) => note(`${address}: timed out`));
      socket.on('connect', () => {
        note(`${socket.remoteAddress}`);
        next(then);
      });
    });
  };
  const watchTls = (sent: ClientRequest, then: string) => {
    sent.on('socket', (socket: HttpsSocket) => {
      // Before Node.js verifies the certificate and closes the connection.
      socket.prependListener('secure', () => {
        note(`${socket.getProtocol?.()}`);
        note(describeServer(socket.getPeerCertificate?.()));
      });
      socket.on('secureConnect', () => next(then));
    });
  };
  return {
    connecting(sent, host) {
      watchTcp(sent, host, '', HANDSHAKE);
      watchTls(sent, RESPONSE);
    },
    proxied(sent, { host, isSecure }) {
      watchTcp(sent, host, 'proxy ', isSecure ? `proxy ${HANDSHAKE}` : CONNECT);
      if (isSecure) watchTls(sent, CONNECT);
      sent.prependListener('connect', ({ statusCode }: IncomingMessage) =>
        note(`HTTP ${statusCode}`),
      );
    },
    tunnelled(sent) {
      next(HANDSHAKE);
      watchTls(sent, RESPONSE);
    },
    describe(response) {
      if (steps.length === 0) return undefined;
      finish();
      const last = steps.at(-1);
      if (response !== undefined) last?.details.unshift(response);
      return steps
        .map((step) => describe(step, step === last && response === undefined))
        .join(', ');
    },
  };
}

const HANDSHAKE = 'TLS handshake';
const CONNECT = 'proxy CONNECT';
const RESPONSE = 'response';

function describe({ name, tookMs = 0, details }: Step, hasFailed: boolean): string {
  const known = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return `${name} ${hasFailed ? 'failed after ' : ''}${Math.round(tookMs)} ms${known}`;
}

/** The server's certificate in a log line. */
function describeServer(certificate: PeerCertificate | null | undefined): string {
  // Without a certificate it is an empty object.
  if (certificate?.subject === undefined) return 'no server certificate';
  const { subject, issuer, valid_to } = certificate;
  return excerpt(
    `server certificate ${nameOf(subject)} issued by ${nameOf(issuer)}, valid until ${valid_to}`,
  );
}

function nameOf(name: Partial<Readonly<Record<'CN' | 'O', unknown>>> | undefined): string {
  return `"${name?.CN ?? name?.O ?? ''}"`;
}
