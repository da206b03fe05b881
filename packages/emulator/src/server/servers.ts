import { constants } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import type { Account } from '../account/account.ts';
import { type ApiAnswer, answerApi } from '../api/router.ts';
import { type CredentialAnswer, provideCredentials } from '../credentials/provider.ts';
import { EmulatorError } from '../errors.ts';
import type { Fault, Faults } from '../faults/faults.ts';
import type { RequestRecord } from '../http/request-record.ts';
import { type Response, respondJson } from '../http/response.ts';
import { endpointOwner } from '../names/host-names.ts';
import { certificateId, type WrongCertificates } from '../pki/pki.ts';
import type { State } from '../state/state.ts';
import { answerControl, CONTROL_PREFIX, type ControlContext } from './control.ts';
import { readApiRequest } from './read-request.ts';
import { send, sendWithFault } from './send.ts';

/** What the servers answer from, and whom they tell. */
export interface ServerContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider, once it listens. */
  readonly credentialsEndpoint: () => string;
  readonly now: () => number;
  /** How long credentials live, in milliseconds, instead of what the role alias says. */
  readonly lifetimeMs: () => number | undefined;
  readonly faults: Faults;
  readonly wrongCertificates: WrongCertificates;
  readonly control: ControlContext;
  readonly record: (request: RequestRecord) => void;
}

/** The only address that the emulator listens on. */
const LOOPBACK = '127.0.0.1';

/**
 * The credential provider: HTTPS that asks for a client certificate and leaves the decision to the handler. As on AWS, a
 * connection that does not name the endpoint in the TLS handshake (SNI) fails. A client that offers HTTP/2 too gets
 * HTTP/1.1.
 */
export function createCredentialServer(
  context: ServerContext,
  minVersion: 'TLSv1.2' | 'TLSv1.3',
): Server {
  const { faults, state, now, wrongCertificates } = context;
  const right = {
    key: state.pki.server.privateKeyPem,
    cert: state.pki.server.certificatePem,
    minVersion,
  };
  const connections = new Map<number | undefined, Socket>();
  const options: ServerOptions = {
    ...right,
    requestCert: true,
    rejectUnauthorized: false,
    // No session is resumed: each connection names the endpoint, and sees the certificate that a fault has for it.
    secureOptions: constants.SSL_OP_NO_TICKET,
    SNICallback: (name, done) => {
      if (endpointOwner(state, name) === 'nobody') return done(new Error('unrecognized name'));
      const wrong = faults.forConnection(now());
      if (wrong === undefined) return done(null);
      const { privateKeyPem, certificatePem } = wrongCertificates[wrong];
      done(null, createSecureContext({ key: privateKeyPem, cert: certificatePem, minVersion }));
    },
  };
  const server = createHttpsServer(options, (request, response) => {
    const port = request.socket.remotePort;
    answerCredentials(context, request, response, connections.get(port)).catch(() => {
      // A defect of the emulator ends this connection, not the emulator.
      response.destroy();
    });
  });
  // Without a name there is no SNICallback.
  server.prependListener('secureConnection', (socket: NamedSocket) => {
    if (!socket.servername) socket.destroy();
  });
  server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    connections.set(remotePort, socket);
    socket.once('close', () => {
      // The port may belong to another connection by now.
      if (connections.get(remotePort) === socket) connections.delete(remotePort);
    });
  });
  return server;
}

/** What Node does not have a type for: the name in the handshake, or false where there was none. */
interface NamedSocket extends TLSSocket {
  readonly servername: string | false;
}

async function answerCredentials(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  tcp: Socket | undefined,
): Promise<void> {
  const socket = request.socket as NamedSocket;
  // Node gives an empty object where the client showed no certificate.
  const certificate: Buffer | undefined = socket.getPeerCertificate().raw;
  const { method = '', url: path = '' } = request;
  const sourceIp = socket.remoteAddress ?? '';
  const hostNames = [socket.servername || '', hostName(request.headers.host)];
  const thingName = headerText(request, 'x-amzn-iot-thingname');
  const fault = context.faults.forRequest(thingName, context.now());
  const nowMs = context.now() + (fault?.clockOffsetMs ?? 0);
  const { response: given, reason }: CredentialAnswer =
    fault?.response !== undefined || fault?.requestsPerSecond !== undefined
      ? { response: faultyResponse(fault) }
      : provideCredentials(
          context.state,
          { method, path, hostNames, thingName, certificate, sourceIp },
          nowMs,
          fault?.lifetimeMs ?? context.lifetimeMs(),
        );
  context.record({
    timeMs: context.now(),
    endpoint: 'credentials',
    method,
    path,
    status: given.status,
    reason,
    thingName,
    certificateId: certificate && certificateId(certificate),
    tlsVersion: socket.getProtocol() ?? undefined,
    serverName: socket.servername || undefined,
    ...(fault !== undefined && { fault: true }),
  });
  const dated = withDate(given, nowMs);
  if (fault === undefined) send(response, dated);
  else await sendWithFault(response, dated, fault, tcp);
}

function faultyResponse({ response }: Fault): Response {
  if (response !== undefined) {
    const { status, body = '', headers = { 'content-type': 'application/json' } } = response;
    return { status, headers, body };
  }
  return respondJson(429, { message: 'Rate exceeded' }, 'ThrottlingException');
}

/** The AWS APIs: HTTP with signed requests. */
export function createApiServer(context: ServerContext): Server {
  return createHttpServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const { response: given, ...known } = await answer(context, request);
    const path = url.split('?')[0] ?? '';
    const timeMs = context.now();
    context.record({ timeMs, endpoint: 'api', method, path, ...known, status: given.status });
    send(response, withDate(given, timeMs));
  });
}

/** Says the time by the emulator's clock, unless a fault's header does. */
function withDate(response: Response, nowMs: number): Response {
  const isDated = Object.keys(response.headers).some((name) => name.toLowerCase() === 'date');
  if (isDated) return response;
  return { ...response, headers: { ...response.headers, date: new Date(nowMs).toUTCString() } };
}

async function answer(context: ServerContext, request: IncomingMessage): Promise<ApiAnswer> {
  const read = await readApiRequest(request);
  if (read === undefined) {
    return { response: { status: 413, headers: { connection: 'close' }, body: '' } };
  }
  const { state, account } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  try {
    if (read.path.startsWith(CONTROL_PREFIX)) {
      return { response: await answerControl(context.control, read) };
    }
    return await answerApi({ state, account, credentialsEndpoint, nowMs: context.now() }, read);
  } catch {
    // A mistake of the emulator must not end it; what the request held is not told.
    const headers = { 'x-amzn-ErrorType': 'InternalFailureException' };
    return { response: { status: 500, headers, body: '{"message":"the emulator failed"}' } };
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

function hostName(host = ''): string {
  return host.replace(/:\d*$/, '');
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
