import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CredentialSource } from '../../credentials/source.ts';

/** An endpoint for credentials on this machine, as containers in Amazon ECS have it. */
export interface ContainerEndpoint {
  /** The value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`. */
  readonly uri: string;
  /** The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN`. */
  readonly token: string;
  /** Closes it and its connections. */
  close(): void;
}

const HOST = '127.0.0.1';
const PATH = '/credentials';

/**
 * Starts an endpoint on a random port of the loopback interface, with a random token (AWS SDKs and Tools Reference
 * Guide, "Container credential provider").
 *
 * It answers from memory, as clients wait a second or two only: 503 without valid credentials. Requests of browsers and
 * proxies are refused, and those for another host name, which a browser sends after DNS rebinding.
 */
export async function startContainerEndpoint(source: CredentialSource): Promise<ContainerEndpoint> {
  const token = randomBytes(32).toString('base64url');
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const hosts = [`${HOST}:${port}`, `localhost:${port}`];
  server.on('request', (request, response) => {
    const refusal = refusalOf(request, hosts, token);
    if (refusal !== undefined) respond(response, ...refusal);
    else respondWith(source, response);
  });
  return {
    uri: `http://${HOST}:${port}${PATH}`,
    token,
    close: () => closeAll(server),
  };
}

type Answer = readonly [status: number, body: object];

function refusalOf(
  { method, url, headers }: IncomingMessage,
  hosts: readonly string[],
  token: string,
): Answer | undefined {
  const refuse = (status: number, message: string): Answer => [
    status,
    { code: 'Refused', message },
  ];
  if (!hosts.includes(headers.host ?? '')) return refuse(403, 'the Host header names another host');
  const foreign = Object.keys(headers).find((name) => FOREIGN.test(name));
  if (foreign !== undefined) return refuse(403, `requests with ${foreign} are refused`);
  if (!isEqual(headers.authorization ?? '', token)) {
    return refuse(401, 'the Authorization header is not the token');
  }
  if (url !== PATH) return refuse(404, `credentials are at ${PATH}`);
  return method === 'GET' ? undefined : refuse(405, 'only GET is answered');
}

/** Header fields that browsers and proxies add. */
const FOREIGN = /^(?:origin|referer|sec-.*|forwarded|via|x-forwarded-.*)$/;

/** Compares in constant time. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function respondWith(source: CredentialSource, response: ServerResponse): void {
  const current = source.current();
  if (current === undefined) {
    const { lastError } = source.stats();
    respond(response, 503, {
      code: lastError?.code ?? 'NoCredentials',
      message: 'there are no valid credentials at the moment',
    });
    return;
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = current;
  respond(response, 200, {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration.toISOString(),
  });
}

function respond(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

function closeAll(server: Server): void {
  server.close();
  server.closeAllConnections();
}
