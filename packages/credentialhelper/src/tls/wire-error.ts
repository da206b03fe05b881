import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError } from '../errors.ts';
import { optionName } from '../option-names.ts';
import { type HttpsRequest, MAX_BODY_BYTES } from './client.ts';

/** A network or TLS failure, before it becomes an error of this package. */
export interface WireFailure {
  readonly code: ErrorCode;
  /** The failure, to be appended to "credential provider host:port: ". */
  readonly what: string;
  readonly hint?: string | undefined;
}

/** Creates the error for a network or TLS failure; it names the endpoint. */
export function wireError(
  request: HttpsRequest,
  failure: WireFailure,
  cause?: unknown,
): CredentialHelperError {
  const where = `${request.headers.host ?? request.host}`;
  return new CredentialHelperError(
    `no response from the credential provider at ${where}: ${failure.what}`,
    { code: failure.code, hint: failure.hint, cause },
  );
}

/** The hints for network and TLS failures. */
export const HINTS = {
  dns: "check the endpoint's spelling, and that this device can resolve names",
  refused: 'check host and port; the credential provider listens on port 443',
  reset:
    'a firewall or proxy may close TLS connections; so may a server that expects another certificate',
  network: "check this device's network, route and firewall",
  untrusted:
    'AWS\'s own endpoints are trusted by default; for another one, pass its CA as "ca"; a proxy that inspects TLS must exclude the endpoint: a client certificate does not pass it',
  name: 'use exactly the name that aws iot describe-endpoint --endpoint-type iot:CredentialProvider prints',
  clock: "check this device's clock: a wrong clock is the usual cause",
  clientCertificate:
    'the certificate must be registered and active in AWS IoT, in the account and region of this endpoint',
} as const;

/** The failure of a request that timed out. */
export function timedOut(timeoutMs: number, during: string): WireFailure {
  return {
    code: 'ERR_TIMEOUT',
    what: `timed out after ${timeoutMs} ms ${during}`,
    hint: `check this device's network and firewall; ${optionName('timeoutMs')} sets the limit`,
  };
}

/** The failure of a response that is longer than {@link MAX_BODY_BYTES}. */
export function tooLarge(): WireFailure {
  return {
    code: 'ERR_RESPONSE_TOO_LARGE',
    what: `the response has more than ${MAX_BODY_BYTES} bytes`,
    hint: 'is this the endpoint of the credential provider?',
  };
}
