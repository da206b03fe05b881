import type { ApiRequest } from '../../http/request.ts';
import type { CommonError } from '../protocol/service.ts';

/** The reason to reject a request, by AWS's error name. */
export interface Refusal {
  readonly code: CommonError;
  readonly message: string;
}

/** The signature of a request. */
export interface Signing {
  readonly accessKeyId: string;
  /** The credential scope. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** As in the request. */
  readonly date: string;
  readonly sessionToken: string | undefined;
  /** The lifetime of a presigned request; undefined for a signature in the header. */
  readonly expiresSeconds: number | undefined;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SIGNATURE = /^[0-9a-f]{64}$/;
const EXPIRES = /^\d{1,6}$/;
/** A week. */
const MAX_EXPIRES_SECONDS = 604_800;

/** Parses the signature of a request, from its header or else from its query. */
export function readSigning(request: ApiRequest): Signing | Refusal {
  const { authorization } = request.headers;
  if (authorization !== undefined) return readHeader(authorization, request);
  if (parameter(request, 'X-Amz-Algorithm') !== undefined) return readQuery(request);
  return {
    code: 'MissingAuthenticationToken',
    message: 'Request is missing Authentication Token',
  };
}

function readHeader(authorization: string, { headers }: ApiRequest): Signing | Refusal {
  if (!authorization.startsWith(`${ALGORITHM} `)) return incomplete('algorithm');
  const given = authorization
    .slice(ALGORITHM.length)
    .split(',')
    .map((part): [string, string] => {
      const [name = '', ...value] = part.trim().split('=');
      return [name, value.join('=')];
    });
  const parts = new Map(given);
  if (parts.size < given.length) return incomplete('Authorization');
  return read({
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    date: headers['x-amz-date'] ?? headers.date,
    sessionToken: headers['x-amz-security-token'],
  });
}

function readQuery(request: ApiRequest): Signing | Refusal {
  if (parameter(request, 'X-Amz-Algorithm') !== ALGORITHM) return incomplete('algorithm');
  const expires = parameter(request, 'X-Amz-Expires') ?? '';
  if (!EXPIRES.test(expires)) return incomplete('X-Amz-Expires');
  if (Number(expires) > MAX_EXPIRES_SECONDS) {
    return {
      code: 'IncompleteSignature',
      message: `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${MAX_EXPIRES_SECONDS} seconds`,
    };
  }
  return read({
    credential: parameter(request, 'X-Amz-Credential'),
    signedHeaders: parameter(request, 'X-Amz-SignedHeaders'),
    signature: parameter(request, 'X-Amz-Signature'),
    date: parameter(request, 'X-Amz-Date'),
    sessionToken: parameter(request, 'X-Amz-Security-Token'),
    expiresSeconds: Number(expires),
  });
}

function read(given: {
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
  readonly date: string | undefined;
  readonly sessionToken: string | undefined;
  readonly expiresSeconds?: number;
}): Signing | Refusal {
  const { credential = '', signedHeaders = '', signature = '', date = '' } = given;
  const [accessKeyId = '', day = '', region = '', service = '', end = '', ...more] =
    credential.split('/');
  if (end !== 'aws4_request' || more.length > 0 || accessKeyId === '') {
    return incomplete('Credential');
  }
  if (signedHeaders === '') return incomplete('SignedHeaders');
  if (!SIGNATURE.test(signature)) return incomplete('Signature');
  if (date === '') return incomplete('X-Amz-Date');
  const { sessionToken, expiresSeconds } = given;
  return {
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: signedHeaders.split(';'),
    signature,
    date,
    sessionToken,
    expiresSeconds,
  };
}

function parameter({ query }: ApiRequest, name: string): string | undefined {
  const value = Object.hasOwn(query, name) ? query[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function incomplete(what: string): Refusal {
  return {
    code: 'IncompleteSignature',
    message: `The signature of the request (Signature Version 4) lacks '${what}', or has a wrong one.`,
  };
}
