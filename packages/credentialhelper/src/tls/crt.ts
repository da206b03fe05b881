import { CredentialHelperError } from '../errors.ts';
import {
  type ConnectionSettings,
  type HttpsRequest,
  type HttpsResponse,
  MAX_BODY_BYTES,
} from './client.ts';
import { crtError } from './crt-error.ts';
import { timedOut, tooLarge, type WireFailure, wireError } from './wire-error.ts';

type Crt = typeof import('aws-crt');
type Connection = InstanceType<Crt['http']['HttpClientConnection']>;

/** A key in a token, the way aws-crt looks for it. */
export interface CrtKey {
  /** Path of the PKCS#11 library. */
  readonly library: string;
  /** The PIN; null for none. */
  readonly pin: string | null;
  readonly slotId: number | undefined;
  readonly tokenLabel: string | undefined;
  readonly keyLabel: string | undefined;
  /** The certificate chain, as PEM. */
  readonly certificateChain: string;
}

/** The longest time aws-crt is given to connect, in milliseconds, whatever the limit of the request. */
const MAX_CONNECT_MS = 60_000;

/**
 * One GET through aws-crt, with a key in a PKCS#11 token. TLS 1.2 at most: aws-c-io excludes TLS 1.3 for such keys.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TLS_UNAVAILABLE` where aws-crt is not installed, else
 * with the code for what happened in the token or on the wire
 */
export async function getWithCrt(
  request: HttpsRequest,
  connectionSettings: ConnectionSettings,
  key: CrtKey,
): Promise<HttpsResponse> {
  const crt = await loadCrt();
  let connection: Connection;
  try {
    connection = connect(crt, request, connectionSettings, key);
  } catch (error) {
    throw crtError(error, request, key);
  }
  try {
    return await exchange(crt, connection, request, connectionSettings, key);
  } finally {
    connection.close();
  }
}

async function loadCrt(): Promise<Crt> {
  try {
    const { default: crt } = await import('aws-crt');
    return crt as Crt;
  } catch (cause) {
    throw new CredentialHelperError('the npm package aws-crt cannot be loaded', {
      code: 'ERR_TLS_UNAVAILABLE',
      cause,
      hint: 'npm install aws-crt',
    });
  }
}

function connect(
  { io, http }: Crt,
  request: HttpsRequest,
  { ca, verifyPeer, timeoutMs }: ConnectionSettings,
  key: CrtKey,
): Connection {
  const options = io.TlsContextOptions.create_client_with_mtls_pkcs11({
    pkcs11_lib: new io.Pkcs11Lib(key.library),
    user_pin: key.pin,
    cert_file_contents: key.certificateChain,
    ...(key.slotId === undefined ? {} : { slot_id: key.slotId }),
    ...(key.tokenLabel === undefined ? {} : { token_label: key.tokenLabel }),
    ...(key.keyLabel === undefined ? {} : { private_key_object_label: key.keyLabel }),
  });
  options.verify_peer = verifyPeer;
  options.min_tls_version = io.TlsVersion.TLSv1_2;
  if (ca !== undefined) options.override_default_trust_store(ca);
  const family = request.host.includes(':') ? io.SocketDomain.IPV6 : io.SocketDomain.IPV4;
  return new http.HttpClientConnection(
    undefined,
    request.host,
    request.port,
    new io.SocketOptions(io.SocketType.STREAM, family, Math.min(timeoutMs, MAX_CONNECT_MS)),
    new io.TlsConnectionOptions(new io.ClientTlsContext(options), request.host),
  );
}

function exchange(
  { http }: Crt,
  connection: Connection,
  request: HttpsRequest,
  { timeoutMs }: ConnectionSettings,
  key: CrtKey,
): Promise<HttpsResponse> {
  return new Promise((resolve, reject) => {
    let during = 'while connecting or in the TLS handshake';
    let answered = false;
    const timer = setTimeout(() => {
      const failure = timedOut(timeoutMs, during);
      const hint = `${failure.hint}; aws-crt also holds back some TLS errors for up to 30 s, and "tls": "node" does not`;
      reject(wireError(request, { ...failure, hint }));
    }, timeoutMs);
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(crtError(error, request, key, answered));
    };
    connection.on('error', fail);
    connection.on('connect', () => {
      during = 'waiting for the response';
      const fields = new http.HttpHeaders(Object.entries(request.headers));
      const stream = connection.request(new http.HttpRequest('GET', request.path, fields));
      const chunks: Buffer[] = [];
      let length = 0;
      let status: number | undefined;
      let headers: Record<string, string> = {};
      stream.on('response', (code, received) => {
        answered = true;
        during = 'within the response';
        status = code;
        headers = Object.fromEntries(
          received._flatten().map(([name, value]) => [name.toLowerCase(), value]),
        );
      });
      stream.on('data', (data) => {
        const chunk = Buffer.from(data);
        length += chunk.length;
        chunks.push(chunk);
        if (length <= MAX_BODY_BYTES) return;
        clearTimeout(timer);
        reject(wireError(request, tooLarge()));
        connection.close();
      });
      stream.on('error', fail);
      stream.on('end', () => {
        clearTimeout(timer);
        // aws-crt reports no status and no header fields where there is no body.
        if (status === undefined) reject(wireError(request, emptyResponse));
        else resolve({ status, headers, body: Buffer.concat(chunks) });
      });
      stream.activate();
    });
  });
}

const emptyResponse: WireFailure = {
  code: 'ERR_RESPONSE_INVALID',
  what: 'the answer has no body, and aws-crt does not tell its status',
  hint: '"tls": "node" tells it',
};
