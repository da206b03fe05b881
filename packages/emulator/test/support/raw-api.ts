import { request } from 'node:http';
import { parse, stringify } from 'node:querystring';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Emulator } from '../../src/index.ts';

/** The data on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A request to the AWS APIs as sent. */
export interface RawRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** A field with a list of values is sent as often. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

/** Sends a request with Node.js alone. */
export function sendRaw(emulator: Emulator, raw: RawRequest): Promise<RawAnswer> {
  const { method, path, headers = {}, body } = raw;
  const { hostname, port, host } = new URL(emulator.apiEndpoint);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, method, path, headers: { host, ...headers }, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject).end(body);
  });
}

/** How {@link signRaw} signs. */
export interface SignOptions {
  readonly service?: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  readonly date?: Date;
  /** Presigned for this many seconds, instead of a signature in the header. */
  readonly presignSeconds?: number;
}

/** Signs a request without normalization of its path. */
export async function signRaw(
  emulator: Emulator,
  raw: RawRequest,
  options: SignOptions = {},
): Promise<RawRequest> {
  const { accessKeyId, secretAccessKey } = { ...emulator.administrator, ...options };
  const { sessionToken, service = 'iot', region = emulator.region } = options;
  const { hostname, host } = new URL(emulator.apiEndpoint);
  const [path = '', text = ''] = raw.path.split('?');
  const signer = new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    sha256: Sha256,
  });
  const unsigned = {
    method: raw.method,
    protocol: 'http:',
    hostname,
    path,
    query: { ...parse(text) } as Record<string, string | string[]>,
    headers: { host, ...joined(raw.headers ?? {}) },
    body: raw.body,
  };
  const signingDate = options.date ?? new Date();
  if (options.presignSeconds === undefined) {
    const { headers } = await signer.sign(unsigned, { signingDate });
    return { ...raw, headers: { ...headers, ...raw.headers } };
  }
  const { query = {} } = await signer.presign(unsigned, {
    signingDate,
    expiresIn: options.presignSeconds,
  });
  return { ...raw, path: `${path}?${stringify(query)}` };
}

function joined(headers: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, [values].flat().join(',')]),
  );
}
