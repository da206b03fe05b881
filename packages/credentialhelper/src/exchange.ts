import type { AwsCredentialIdentity } from '@smithy/types';
import { CredentialHelperError } from './errors.ts';
import { parseJson } from './json.ts';
import { serviceError } from './service-error.ts';
import type { HttpsGet, HttpsResponse } from './tls/client.ts';

/** What an exchange is about. */
export interface ExchangeTarget {
  readonly host: string;
  readonly port: number;
  /** The value of the `host` header field, which messages call the endpoint by. */
  readonly authority: string;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
}

/** Credentials as the credential provider gives them: complete, and with their end. */
export type TemporaryCredentials = Required<
  Pick<AwsCredentialIdentity, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration'>
>;

/**
 * One request to the credential provider, and the credentials in its answer
 * (AWS IoT Core Developer Guide, "Authorizing direct calls to AWS services").
 *
 * @param get - sends the request over mutual TLS
 * @param now - the time, in epoch milliseconds
 * @param explain - makes of an error, and the header field `date` of the answer, the error to throw
 * @throws {@link CredentialHelperError} (as a rejection) with the code for what the service answered, or what `get`
 * throws
 */
export async function exchange(
  target: ExchangeTarget,
  get: HttpsGet,
  now: () => number,
  explain: (error: unknown, serverDate?: string) => unknown,
): Promise<TemporaryCredentials> {
  const response = await get({
    host: target.host,
    port: target.port,
    // All characters of a role alias stand for themselves in a path (RFC 3986, section 3.3).
    path: `/role-aliases/${target.roleAlias}/credentials`,
    headers: {
      host: target.authority,
      accept: 'application/json',
      ...(target.thingName === undefined ? {} : { 'x-amzn-iot-thingname': target.thingName }),
    },
  }).catch((error: unknown) => {
    throw explain(error);
  });
  if (response.status !== 200) {
    throw explain(serviceError(response, target), response.headers.date);
  }
  const credentials = readCredentials(response, target);
  const nowMs = now();
  if (credentials.expiration.getTime() <= nowMs) {
    const serverTime = response.headers.date;
    throw new CredentialHelperError(
      `the credentials from ${target.authority} ended at ${credentials.expiration.toISOString()}, and this device's clock says ${new Date(nowMs).toISOString()}`,
      {
        code: 'ERR_CREDENTIALS_EXPIRED',
        hint: `check this device's clock${serverTime === undefined ? '' : `; the server's says ${serverTime}`}`,
        ...responseDetails(response),
      },
    );
  }
  return credentials;
}

function readCredentials(response: HttpsResponse, target: ExchangeTarget): TemporaryCredentials {
  const invalid = (problem: string) =>
    new CredentialHelperError(
      `the answer of ${target.authority} holds no credentials: ${problem}`,
      {
        code: 'ERR_RESPONSE_INVALID',
        hint: 'is this the endpoint of the credential provider?',
        ...responseDetails(response),
      },
    );
  const body = parseJson(response.body);
  if (body === undefined) {
    const type = response.headers['content-type'] ?? 'no content-type';
    throw invalid(`${response.body.length} bytes that are not JSON (${type})`);
  }
  const credentials = isObject(body) ? body.credentials : undefined;
  if (!isObject(credentials)) throw invalid('JSON without "credentials"');
  const text = (name: string): string => {
    const value = credentials[name];
    if (typeof value !== 'string' || value === '') throw invalid(`"${name}" is missing`);
    return value;
  };
  const expiration = new Date(text('expiration'));
  if (Number.isNaN(expiration.getTime())) throw invalid('"expiration" is not a date');
  return {
    accessKeyId: text('accessKeyId'),
    secretAccessKey: text('secretAccessKey'),
    sessionToken: text('sessionToken'),
    expiration,
  };
}

function responseDetails({ status, headers }: HttpsResponse) {
  return { httpStatus: status, requestId: headers['x-amzn-requestid'] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
