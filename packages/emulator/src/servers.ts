import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Account } from './account.ts';
import { readApiRequest } from './api/read-request.ts';
import { answerApi } from './api/router.ts';
import { provideCredentials } from './credential-provider.ts';
import { EmulatorError } from './errors.ts';
import type { Response } from './http.ts';
import { certificateId } from './pki.ts';
import type { RequestRecord } from './request-record.ts';
import type { State } from './state.ts';

/** What the servers answer from, and whom they tell. */
export interface ServerContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider, once it listens. */
  readonly credentialsEndpoint: () => string;
  readonly now: () => number;
  /** How long credentials live, in milliseconds, instead of what the role alias says. */
  readonly lifetimeMs: () => number | undefined;
  readonly record: (request: RequestRecord) => void;
}

/** The only address that the emulator listens on. */
const LOOPBACK = '127.0.0.1';

/** The credential provider: HTTPS that asks for a client certificate and leaves the decision to the handler. */
export function createCredentialServer(
  context: ServerContext,
  minVersion: 'TLSv1.2' | 'TLSv1.3',
): Server {
  const { server } = context.state.pki;
  const options = {
    key: server.privateKeyPem,
    cert: server.certificatePem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion,
  };
  return createHttpsServer(options, (request, response) => {
    const socket = request.socket as TLSSocket;
    // Node gives an empty object where the client showed no certificate.
    const certificate: Buffer | undefined = socket.getPeerCertificate().raw;
    const { method = '', url: path = '' } = request;
    const thingName = headerText(request, 'x-amzn-iot-thingname');
    const answer = provideCredentials(
      context.state,
      { method, path, thingName, certificate },
      context.now(),
      context.lifetimeMs(),
    );
    context.record({
      timeMs: context.now(),
      endpoint: 'credentials',
      method,
      path,
      status: answer.status,
      thingName,
      certificateId: certificate && certificateId(certificate),
      tlsVersion: socket.getProtocol() ?? undefined,
      serverName: (socket as TLSSocket & { servername?: string | false }).servername || undefined,
    });
    send(response, answer);
  });
}

/** The AWS APIs: HTTP with signed requests. */
export function createApiServer(context: ServerContext): Server {
  return createHttpServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const given = await answer(context, request);
    const path = url.split('?')[0] ?? '';
    context.record({ timeMs: context.now(), endpoint: 'api', method, path, status: given.status });
    send(response, given);
  });
}

async function answer(context: ServerContext, request: IncomingMessage): Promise<Response> {
  const read = await readApiRequest(request);
  if (read === undefined) return { status: 413, headers: { connection: 'close' }, body: '' };
  const { state, account } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  try {
    return await answerApi({ state, account, credentialsEndpoint, nowMs: context.now() }, read);
  } catch {
    // A mistake of the emulator must not end it; what the request held is not told.
    const headers = { 'x-amzn-ErrorType': 'InternalFailureException' };
    return { status: 500, headers, body: '{"message":"the emulator failed"}' };
  }
}

/** Starts to listen on the loopback address; 0 is any free port. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      reject(
        new EmulatorError(`cannot listen on port ${port}: ${reason}`, { code: 'ERR_PORT', cause }),
      );
    });
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Stops a server and ends its connections. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

function send(response: ServerResponse, { status, headers, body }: Response): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
