import type { ClientRequest } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { monotonicMs } from '../process/timers.ts';
import { excerpt } from '../text.ts';

/** Further properties of an HTTPS socket. */
type HttpsSocket = Socket & {
  getProtocol?(): string | null;
  getPeerCertificate?(): PeerCertificate | DetailedPeerCertificate | null;
};

/** A step of a request, with what is known about it. */
interface Step {
  readonly name: 'lookup' | 'connect' | 'TLS handshake' | 'response';
  readonly details: string[];
  /** How long it took, in milliseconds; undefined as long as it is not done. */
  tookMs?: number;
}

/**
 * Observes a request from its start, for the log.
 *
 * @param host - name or IP address
 * @returns a function that describes its steps, with the response if it has arrived
 */
export function watchConnection(
  sent: ClientRequest,
  host: string,
): (response?: string | undefined) => string {
  const steps: Step[] = [{ name: isIP(host) === 0 ? 'lookup' : 'connect', details: [] }];
  let stepMs = monotonicMs();
  const current = () => steps.at(-1) as Step;
  const finish = (step: Step) => {
    step.tookMs = monotonicMs() - stepMs;
    stepMs = monotonicMs();
  };
  const next = (name: Step['name']) => {
    finish(current());
    steps.push({ name, details: [] });
  };
  const note = (detail: string) => current().details.push(detail);

  sent.on('socket', (socket: HttpsSocket) => {
    // Once for each address of the name.
    socket.on('lookup', (error: Error | null, address: string) => {
      if (error !== null) return;
      steps[0]?.details.push(address);
      if (current().name === 'lookup') next('connect');
    });
    socket.on('connectionAttemptFailed', (address: string, _port, _family, error: Error) => {
      note(`${address}: ${(error as NodeJS.ErrnoException).code}`);
    });
    socket.on('connectionAttemptTimeout', (address: string) => note(`${address}: timed out`));
    socket.on('connect', () => {
      note(`${socket.remoteAddress}`);
      next('TLS handshake');
    });
    // Before Node.js verifies the certificate and closes the connection.
    socket.prependListener('secure', () => {
      note(`${socket.getProtocol?.()}`);
      note(describeServer(socket.getPeerCertificate?.()));
    });
    socket.on('secureConnect', () => next('response'));
  });
  return (response) => {
    const last = current();
    finish(last);
    if (response !== undefined) last.details.unshift(response);
    return steps.map((step) => describe(step, step === last && response === undefined)).join(', ');
  };
}

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
