// The faults of docs/resilience.md that the emulator injects.
import type { Fault } from 'awsiot-credentialhelper-emulator';
import type { ErrorCode } from '../../src/error-codes.ts';

/** A fault, as the document names it. */
export interface Row {
  readonly title: string;
  /** What a caller without valid credentials gets. */
  readonly code: ErrorCode | 'credentials';
  /** The requests in ten minutes, with one caller in a loop. */
  readonly requests: number;
  /** The longest interval between two requests, in seconds. */
  readonly longest: number;
  readonly fault: Fault;
}

/** At most 20 requests in ten minutes, at most one a minute in the end. */
export const SOON = { requests: 18, longest: 48 };
/** At most 4 requests in ten minutes, one in eight minutes in the end. */
export const SLOWLY = { requests: 4, longest: 480 };

/** The fault of a response. */
export const response = (
  status: number,
  message?: string,
  headers: Record<string, string> = {},
): Fault => ({
  response: {
    status,
    headers,
    ...(message !== undefined && { body: JSON.stringify({ message }) }),
  },
});

/** Faults that end with the timeout of a request. */
export const SLOW_ROWS: readonly Row[] = [
  { title: 'no response', code: 'ERR_TIMEOUT', ...SOON, fault: { action: 'hang' } },
  { title: 'a response after `timeoutMs`', code: 'ERR_TIMEOUT', ...SOON, fault: { delayMs: 5000 } },
  { title: 'a byte a second', code: 'ERR_TIMEOUT', ...SOON, fault: { bytesPerSecond: 1 } },
  {
    title: 'a connection without a TLS handshake',
    code: 'ERR_TIMEOUT',
    ...SOON,
    fault: { connection: 'no-handshake' },
  },
];

/** Faults that are noticed at once. */
export const ROWS: readonly Row[] = [
  { title: 'HTTP 503', code: 'ERR_SERVICE', ...SOON, fault: response(503) },
  {
    title: 'HTTP 503 with `Retry-After: 120`',
    code: 'ERR_SERVICE',
    ...{ requests: 5, longest: 120 },
    fault: response(503, undefined, { 'retry-after': '120' }),
  },
  { title: 'HTTP 429', code: 'ERR_THROTTLED', ...SOON, fault: response(429) },
  {
    title: 'HTTP 429 with `Retry-After: 60`',
    code: 'ERR_THROTTLED',
    ...{ requests: 10, longest: 60 },
    fault: response(429, undefined, { 'retry-after': '60' }),
  },
  {
    title: 'HTTP 400, `ThrottlingException`',
    code: 'ERR_THROTTLED',
    ...SOON,
    fault: response(400, 'Rate exceeded', { 'x-amzn-errortype': 'ThrottlingException' }),
  },
  {
    title: 'HTTP 403, access denied',
    code: 'ERR_ACCESS_DENIED',
    ...SLOWLY,
    fault: response(403, 'Access Denied'),
  },
  {
    title: 'HTTP 404, no role alias',
    code: 'ERR_ROLE_ALIAS_NOT_FOUND',
    ...SLOWLY,
    fault: response(404, 'Role alias does not exist'),
  },
  {
    title: 'HTTP 400, role not assumable',
    code: 'ERR_ROLE_NOT_ASSUMABLE',
    ...SLOWLY,
    fault: response(400, 'Unable to assume the role, or the role to assume does not exist'),
  },
  {
    title: "a proxy's page",
    code: 'ERR_RESPONSE_INVALID',
    ...SOON,
    fault: { response: { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } } },
  },
  {
    title: 'credentials that have expired',
    code: 'ERR_CREDENTIALS_EXPIRED',
    ...SOON,
    fault: { lifetimeMs: -1000 },
  },
  {
    title: "a server's clock that is two hours slow",
    code: 'credentials',
    ...{ requests: 1, longest: 0 },
    fault: { clockOffsetMs: -7_200_000 },
  },
  {
    title: 'a reset before the response',
    code: 'ERR_CONNECTION_RESET',
    ...SOON,
    fault: { action: 'reset' },
  },
  {
    title: 'a reset in the response',
    code: 'ERR_RESPONSE_TRUNCATED',
    ...SOON,
    fault: { action: 'reset-in-body' },
  },
  {
    title: 'half of a response',
    code: 'ERR_RESPONSE_TRUNCATED',
    ...SOON,
    fault: { action: 'truncate' },
  },
  {
    title: 'a refused connection',
    code: 'ERR_CONNECTION_REFUSED',
    ...SOON,
    fault: { connection: 'refuse' },
  },
  {
    title: 'TLS alert `handshake_failure`',
    code: 'ERR_TLS_HANDSHAKE',
    ...SOON,
    fault: { tlsAlert: 'handshake_failure' },
  },
  {
    title: 'TLS alert `bad_certificate`',
    code: 'ERR_CLIENT_CERTIFICATE_REFUSED',
    ...SLOWLY,
    fault: { tlsAlert: 'bad_certificate' },
  },
  {
    title: 'a server certificate for another name',
    code: 'ERR_SERVER_NAME_MISMATCH',
    ...SLOWLY,
    fault: { serverCertificate: 'other-name' },
  },
  {
    title: 'a server certificate of an unknown CA',
    code: 'ERR_SERVER_UNTRUSTED',
    ...SLOWLY,
    fault: { serverCertificate: 'untrusted' },
  },
  {
    title: 'a server certificate that has expired',
    code: 'ERR_SERVER_CERTIFICATE_DATE',
    ...SOON,
    fault: { serverCertificate: 'expired' },
  },
];
