import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { openSessionToken, secretOf } from './sealed-credentials.ts';
import type { State } from './state.ts';

/** A request to one of the AWS APIs. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Header fields, their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Who signed a request. */
export type Caller =
  | { readonly kind: 'administrator' }
  | { readonly kind: 'role'; readonly roleName: string; readonly sessionName: string };

/** Why a request is refused, by AWS's name for it. */
export interface Refusal {
  readonly code:
    | 'MissingAuthenticationToken'
    | 'IncompleteSignature'
    | 'InvalidClientTokenId'
    | 'SignatureDoesNotMatch'
    | 'ExpiredToken';
  readonly message: string;
}

/** The outcome of checking a signature. */
export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal };

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/;
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const MAX_SKEW_MS = 5 * 60_000;

/**
 * Checks the signature of a request (AWS General Reference, Signature Version 4, in the `Authorization` header).
 *
 * @param service - the service of the credential scope that is asked for
 */
export async function authenticate(
  state: State,
  request: ApiRequest,
  service: string,
  nowMs: number,
): Promise<Authentication> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    return refuse('MissingAuthenticationToken', 'Request is missing Authentication Token');
  }
  const [
    ,
    accessKeyId = '',
    day = '',
    region = '',
    scopeService = '',
    signedHeaders = '',
    signature = '',
  ] = AUTHORIZATION.exec(authorization) ?? [];
  const date = request.headers['x-amz-date'] ?? '';
  const signedAtMs = Date.parse(date.replace(AMZ_DATE, '$1-$2-$3T$4:$5:$6Z'));
  if (signature === '' || Number.isNaN(signedAtMs)) {
    return refuse(
      'IncompleteSignature',
      'The request needs an Authorization header for Signature Version 4 and an X-Amz-Date header.',
    );
  }
  const key = findKey(state, accessKeyId, request.headers['x-amz-security-token']);
  if (key === undefined) {
    return refuse('InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  if (Math.abs(signedAtMs - nowMs) > MAX_SKEW_MS || !date.startsWith(day)) {
    return refuse(
      'SignatureDoesNotMatch',
      `Signature expired or not yet current: ${date} is more than 5 minutes from ${new Date(nowMs).toISOString()}`,
    );
  }
  if (scopeService !== service || region !== state.region) {
    return refuse(
      'SignatureDoesNotMatch',
      `Credential should be scoped to service ${service} in region ${state.region}.`,
    );
  }
  const signed = new Set(signedHeaders.split(';'));
  const isWhole = signed.has('host') && signed.has('x-amz-date') && hasHonestBodyHash(request);
  if (
    !isWhole ||
    !(await isSignature(request, signed, signature, signedAtMs, { ...key, region, service }))
  ) {
    return refuse(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  }
  if (key.expirationMs <= nowMs) {
    return refuse('ExpiredToken', 'The security token included in the request is expired');
  }
  return { caller: key.caller };
}

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expirationMs: number;
  readonly caller: Caller;
}

function findKey(
  state: State,
  accessKeyId: string,
  sessionToken: string | undefined,
): Key | undefined {
  const { administrator } = state;
  if (accessKeyId === administrator.accessKeyId) {
    const caller = { kind: 'administrator' } as const;
    return { ...administrator, expirationMs: Number.POSITIVE_INFINITY, caller };
  }
  const grant = sessionToken && openSessionToken(state, accessKeyId, sessionToken);
  if (!grant || sessionToken === undefined) return undefined;
  const { roleName, sessionName, expirationMs } = grant;
  const secretAccessKey = secretOf(state, accessKeyId);
  const caller = { kind: 'role', roleName, sessionName } as const;
  return { accessKeyId, secretAccessKey, sessionToken, expirationMs, caller };
}

function hasHonestBodyHash({ headers, body }: ApiRequest): boolean {
  const claimed = headers['x-amz-content-sha256'];
  return claimed === undefined || claimed === createHash('sha256').update(body).digest('hex');
}

async function isSignature(
  request: ApiRequest,
  signed: ReadonlySet<string>,
  signature: string,
  signedAtMs: number,
  key: Key & { readonly region: string; readonly service: string },
): Promise<boolean> {
  const { region, service, accessKeyId, secretAccessKey, sessionToken } = key;
  const signer = new SignatureV4({
    region,
    service,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    sha256: Sha256,
    applyChecksum: false,
  });
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => signed.has(name)),
  );
  const { headers: again } = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: '',
      path: request.path,
      query: { ...request.query },
      headers,
      body: request.body,
    },
    { signingDate: new Date(signedAtMs), signableHeaders: new Set(signed) },
  );
  const expected = /Signature=([0-9a-f]{64})$/.exec(again.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(Buffer.from(signature.padEnd(64)), Buffer.from(expected.padEnd(64)));
}

/** SHA-256 and its HMAC in the form that the signer wants them. */
class Sha256 {
  readonly #key: Buffer | undefined;
  readonly #data: Buffer[] = [];

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = key === undefined ? undefined : toBuffer(key);
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#data.push(toBuffer(data));
  }

  digest(): Promise<Uint8Array> {
    const hash = this.#key ? createHmac('sha256', this.#key) : createHash('sha256');
    return Promise.resolve(hash.update(Buffer.concat(this.#data)).digest());
  }

  reset(): void {
    this.#data.length = 0;
  }
}

function toBuffer(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}

function refuse(code: Refusal['code'], message: string): Authentication {
  return { refusal: { code, message } };
}
