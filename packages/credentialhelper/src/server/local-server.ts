import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { clearTimeout, setTimeout } from '../process/timers.ts';
import type { Answer } from './answer.ts';
import type { Contract } from './contract.ts';
import type { Guard } from './guard.ts';

/** Answers a request at a path of its own, such as `/healthz`; it needs no token. */
export type Page = () => Answer | Promise<Answer>;

/** What a local server answers. */
export interface LocalServerInit {
  readonly guard: Guard;
  /** The contract at that time. */
  readonly contract: () => Contract;
  /** Answers by their path. */
  readonly pages?: ReadonlyMap<string, Page>;
  /** Called with the status of each answer. */
  readonly onAnswered?: (status: number) => void;
}

/** Enough for credentials, and too little for a client that sends slowly to hold a connection. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_MS = 1000;
const KEEP_ALIVE_MS = 60_000;
/** Session tokens, which clients may send in a header, are below it. */
const MAX_HEADER_BYTES = 8192;
const MAX_CONNECTIONS = 1024;

/**
 * Creates an HTTP server for programs on this machine. It does not listen yet.
 */
export function createLocalServer({
  guard,
  contract,
  pages = new Map(),
  onAnswered = () => {},
}: LocalServerInit): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const answerTo = (request: IncomingMessage): Answer | Promise<Answer> => {
    const problem = guard.problem(request);
    const { refuse, answer } = contract();
    if (problem !== undefined) return refuse(403, 'Forbidden', problem);
    const page = pages.get(request.url ?? '');
    if (page === undefined) return answer(request);
    return request.method === 'GET'
      ? page()
      : refuse(405, 'MethodNotAllowed', 'only GET is answered');
  };
  const send = (response: ServerResponse, { status, headers, body }: Answer) => {
    // Clients keep connections; a server that is closing does not.
    if (!server.listening) response.shouldKeepAlive = false;
    response.writeHead(status, headers);
    // With the header in one write; `end(body)` adds an empty one, and Node.js then takes a tenth longer for all of it.
    response.cork();
    response.write(body);
    response.uncork();
    response.end();
    onAnswered(status);
  };
  return server.on('request', (request, response) => {
    const answer = answerTo(request);
    if (!(answer instanceof Promise)) {
      send(response, answer);
      return;
    }
    answer.then(
      (ready) => send(response, ready),
      () => send(response, contract().refuse(500, 'InternalError', 'the answer failed')),
    );
  });
}

/** Stops listening, lets requests that have begun finish, and then closes the connections. */
export function drain(server: Server, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), limitMs);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}
