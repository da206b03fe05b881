import { duplexPair } from 'node:stream';
import {
  connect,
  createSecureContext,
  type SecureContext,
  type SecureVersion,
  TLSSocket,
} from 'node:tls';
import { toPem } from '../identity/certificate.ts';
import { setTimeout } from '../process/timers.ts';
import type { Throwaway } from '../token/throwaway-certificate.ts';

const TIMEOUT_MS = 60_000;

/**
 * Performs a TLS handshake with a server in this process that accepts one TLS version and requests a client
 * certificate.
 *
 * @param client - the context of the client
 * @returns after the server has verified the client certificate and its key
 * @throws (as a rejection) the first error of either side
 */
export async function tryHandshake(
  client: SecureContext,
  version: SecureVersion,
  { key, certificate }: Throwaway,
): Promise<void> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(far, {
    isServer: true,
    requestCert: true,
    rejectUnauthorized: false,
    secureContext: createSecureContext({
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      cert: toPem([certificate]),
      minVersion: version,
      maxVersion: version,
    }),
  });
  const socket = connect({ socket: near, secureContext: client, rejectUnauthorized: false });
  try {
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => reject(new Error('the handshake did not complete')), TIMEOUT_MS).unref();
      socket.on('error', reject).on('close', () => reject(new Error('the client gave up')));
      server.on('error', reject);
      server.on('secure', () => {
        if (Object.keys(server.getPeerCertificate() ?? {}).length > 0) resolve();
        else reject(new Error('the client sent no certificate'));
      });
    });
  } finally {
    socket.destroy();
    server.destroy();
  }
}
