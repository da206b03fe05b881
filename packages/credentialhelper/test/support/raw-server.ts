import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterAll } from 'vitest';
import { makeSelfSigned } from './openssl.ts';

const tcpSockets = new Map<number | undefined, Socket>();

/** Closes a connection with a TCP reset. */
export function resetConnection(socket: TLSSocket): void {
  tcpSockets.get(socket.remotePort)?.resetAndDestroy();
}

/** The behavior of a test server after a request. */
export type Behaviour = (socket: TLSSocket, request: string) => void;

/** A TLS server with configurable behavior, including violations of HTTP. */
export interface RawServer {
  /** `localhost:port` */
  readonly endpoint: string;
  /** File with the certificate to trust. */
  readonly caFile: string;
  behave: Behaviour;
}

/** Starts a TLS server with a self-signed certificate for localhost. It stops after the tests. */
export async function startRawServer(
  folder: string,
  options: TlsOptions = {},
  subject: readonly string[] = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
): Promise<RawServer> {
  const name = `server-${Math.random().toString(36).slice(2)}`;
  const { keyFile, certificateFile } = makeSelfSigned(folder, name, 'RSA 2048', subject);
  const server = createServer({
    key: readFileSync(keyFile),
    cert: readFileSync(certificateFile),
    requestCert: true,
    rejectUnauthorized: false,
    ...options,
  });
  const handle: RawServer = {
    endpoint: '',
    caFile: certificateFile,
    behave: (socket) => socket.end(),
  };
  server.on('connection', (socket) => tcpSockets.set(socket.remotePort, socket));
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => handle.behave(socket, data.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    for (const socket of tcpSockets.values()) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(handle, { endpoint: `localhost:${port}` });
}

/** Credentials in a server's response. */
export const credentials = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret-of-the-answer',
  sessionToken: 'token-of-the-answer',
  expiration: new Date(Date.now() + 3_600_000).toISOString(),
};

/** Responds with a status line, a body and header fields. */
export function answer(status: string, body: string, headers: readonly string[] = []) {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  return (socket: TLSSocket) =>
    socket.end(`HTTP/1.1 ${status}\r\n${[length, ...headers].join('\r\n')}\r\n\r\n${body}`);
}
/** Responds with 200 and JSON. */
export const json = (body: unknown) => answer('200 OK', JSON.stringify(body));
