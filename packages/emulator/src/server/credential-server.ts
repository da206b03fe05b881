import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { type CredentialAnswer, provideCredentials } from '../credentials/provider.ts';
import { describeEffect } from '../faults/effect.ts';
import type { FaultPlan } from '../faults/faults.ts';
import { type ErrorFormat, replacementResponse } from '../http/replacement.ts';
import type { NewRequestRecord } from '../http/request-record.ts';
import { respondJson } from '../http/response.ts';
import { memoizeByIdentity } from '../memo.ts';
import { endpointOwner, LOCAL_NAME } from '../names/host-names.ts';
import { certificateId } from '../pki/certificate-id.ts';
import type { WrongCertificates } from '../pki/pki.ts';
import type { Role } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { handleConnection, handleRequest } from './defects.ts';
import { durationOf } from './elapsed.ts';
import { send, sendWithFault, withDate } from './send.ts';
import {
  applyFault,
  createTcpListener,
  type TcpListener,
  whenHandshakeBegins,
} from './tcp-listener.ts';

/** The dependencies of the credential provider. */
export interface CredentialServerContext {
  readonly state: State;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Lifetime of credentials in milliseconds, instead of that of the role alias. */
  readonly lifetimeMs: () => number | undefined;
  readonly faults: FaultPlan;
  /** The address to listen on. */
  readonly host: string;
  /** More names of the endpoint, in lower case. */
  readonly names: readonly string[];
  /** The server's certificate, as PEM. */
  readonly certificatePem: string;
  readonly wrongCertificates: WrongCertificates;
  /** The oldest TLS version that it accepts. */
  readonly minTlsVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly record: (request: NewRequestRecord) => void;
  /** Called with the role of issued credentials. */
  readonly useRole: (role: Role) => void;
}

/**
 * Creates the server of the credential provider: HTTPS that requests a client certificate and leaves the decision to
 * the handler. As on AWS, a connection without the endpoint's name in the TLS handshake (SNI) fails. A client that
 * also offers HTTP/2 gets HTTP/1.1.
 */
export function createCredentialServer(
  context: CredentialServerContext,
): Pick<TcpListener, 'listen' | 'close'> {
  const { faults, state, now, wrongCertificates, minTlsVersion: minVersion } = context;
  const { certificatePem: cert } = context;
  const { privateKeyPem: key } = state.pki.server;
  const options: ServerOptions = {
    key,
    cert,
    minVersion,
    requestCert: true,
    rejectUnauthorized: false,
    // No session resumption: each connection sends the name of the endpoint, and gets the certificate of a fault.
    // No renegotiation either: a connection keeps its certificate.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    SNICallback: (name, done) => {
      if (endpointOwner(state, officialName(context, name)) === 'nobody')
        return done(new Error('unrecognized name'));
      let secureContext: SecureContext | undefined;
      const defect = handleConnection(context, () => {
        const wrong = faults.forHandshake(now());
        if (wrong === undefined) return;
        secureContext = createSecureContext({ key, cert: wrongCertificates[wrong], minVersion });
      });
      done(defect ?? null, secureContext);
    },
  };
  const server = createServer(options, (request, response) =>
    handleRequest(context, 'credentials', request, response, () => {
      const tcp = listener.connectionOf(request.socket);
      return answerCredentials(context, request, response, tcp);
    }),
  );
  // Without a name there is no SNICallback.
  server.prependListener('secureConnection', (socket: NamedSocket) => {
    if (!socket.servername) socket.destroy();
  });
  const listener = createTcpListener(faults, context.host, (socket) => {
    const accept = () => server.emit('connection', socket);
    const handle = (event: () => void) => {
      if (handleConnection(context, event) !== undefined) socket.destroy();
    };
    if (!faults.mayAnswer()) return handle(accept);
    whenHandshakeBegins(socket, (goOn) =>
      handle(() => {
        const fault = faults.forConnection(now());
        if (fault === undefined) goOn(accept);
        else applyFault(socket, fault);
      }),
    );
  });
  return listener;
}

/** Missing in the types of Node.js: the name in the handshake, or false without one. */
interface NamedSocket extends TLSSocket {
  readonly servername: string | false;
}

interface Peer {
  /** The id of the client's certificate. */
  readonly certificateId: string | undefined;
  readonly tlsVersion: string | undefined;
}

const peerOf = memoizeByIdentity((socket: TLSSocket): Peer => {
  // Node.js returns an empty object if the client sent no certificate.
  const certificate = socket.getPeerCertificate().raw as Buffer | undefined;
  return {
    certificateId: certificate && certificateId(certificate),
    tlsVersion: socket.getProtocol() ?? undefined,
  };
});

async function answerCredentials(
  context: CredentialServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  tcp: Socket | undefined,
): Promise<void> {
  const startMs = performance.now();
  const socket = request.socket as NamedSocket;
  const { certificateId: id, tlsVersion } = peerOf(socket);
  const { method = '', url: path = '' } = request;
  const sourceIp = socket.remoteAddress ?? '';
  const hostNames = [socket.servername || '', hostName(request.headers.host)].map((name) =>
    officialName(context, name),
  );
  const thingName = headerText(request, 'x-amzn-iot-thingname');
  const fault = context.faults.forRequest(thingName, context.now());
  const nowMs = context.now() + (fault?.clockOffsetMs ?? 0);
  const {
    response: given,
    reason,
    role,
    issued,
  }: CredentialAnswer = fault?.response !== undefined || fault?.requestsPerSecond !== undefined
    ? { response: replacementResponse(fault.response, ERROR_FORMAT) }
    : provideCredentials(
        context.state,
        { method, path, hostNames, thingName, certificateId: id, sourceIp },
        nowMs,
        fault?.lifetimeMs ?? context.lifetimeMs(),
      );
  if (role !== undefined) context.useRole(role);
  context.record({
    timeMs: context.now(),
    durationMs: durationOf(startMs, fault),
    endpoint: 'credentials',
    method,
    path,
    status: given.status,
    reason,
    thingName,
    certificateId: id,
    tlsVersion,
    serverName: socket.servername || undefined,
    ...(fault !== undefined && { fault: true, faultEffect: describeEffect(fault) }),
    issued,
  });
  const dated = withDate(given, nowMs);
  if (fault === undefined) send(response, dated);
  else await sendWithFault(response, dated, fault, tcp);
}

const ERROR_FORMAT: ErrorFormat = {
  fail: (status, code, message) => respondJson(status, { message }, code),
  throttling: { status: 429, code: 'ThrottlingException' },
};

/** A name that the decision knows, for one of the endpoint's other names. */
function officialName({ names }: CredentialServerContext, name: string): string {
  return names.includes(name.toLowerCase()) ? LOCAL_NAME : name;
}

function hostName(host = ''): string {
  return host.replace(/:\d*$/, '');
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
