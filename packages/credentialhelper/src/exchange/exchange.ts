import type { AwsCredentialIdentity } from '@smithy/types';
import { CredentialHelperError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import type { ExchangeTarget } from '../options/endpoint.ts';
import type { HttpsGet, HttpsResponse } from '../tls/client.ts';
import { httpDate } from './http-date.ts';
import { serviceError } from './service-error.ts';

/** Complete credentials of the credential provider, with their expiration. */
export type TemporaryCredentials = Required<
  Pick<AwsCredentialIdentity, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration'>
>;

/** The result of a request. */
export interface Exchanged {
  readonly credentials: TemporaryCredentials;
  /**
   * The remaining lifetime of the credentials, in milliseconds, by the server's clock if the response has a date; at least
   * so long.
   */
  readonly lifeMs: number;
  /** How far this device's clock is ahead of the server's, in milliseconds; undefined if the response has no date. */
  readonly skewMs: number | undefined;
  readonly requestId: string | undefined;
}

/**
 * One request to the credential provider, and the credentials in its response (AWS IoT Core Developer Guide,
 * "Authorizing direct calls to AWS services").
 *
 * @param get - sends the request over mutual TLS
 * @param now - the time, in epoch milliseconds
 * @param explain - converts an error, with the time of the response by the clock of the server, to the error to throw
 * @throws {@link CredentialHelperError} (as a rejection) with the code for what the service answered, or what `get`
 * throws
 */
export async function exchange(
  target: ExchangeTarget,
  get: HttpsGet,
  now: () => number,
  explain: (error: unknown, serverMs?: number) => unknown,
): Promise<Exchanged> {
  const response = await get({
    host: target.host,
    port: target.port,
    // No character of a role alias needs encoding in a path (RFC 3986, section 3.3).
    path: `/role-aliases/${target.roleAlias}/credentials`,
    headers: {
      host: target.authority,
      accept: 'application/json',
      ...(target.userAgent === '' ? {} : { 'user-agent': target.userAgent }),
      ...(target.thingName === undefined ? {} : { 'x-amzn-iot-thingname': target.thingName }),
    },
  }).catch((error: unknown) => {
    throw explain(error);
  });
  const serverMs = httpDate(response.headers.date);
  const isDated = serverMs !== undefined;
  if (response.status !== 200) {
    throw explain(serviceError(response, target), serverMs);
  }
  const nowMs = now();
  const clockMs = isDated ? serverMs + DATE_PRECISION_MS : nowMs;
  const credentials = readCredentials(response, target, clockMs);
  const lifeMs = credentials.expiration.getTime() - clockMs;
  if (lifeMs <= 0) {
    const clock = isDated ? "the server's clock" : "this device's clock";
    throw new CredentialHelperError(
      `the credentials from ${target.authority} expired at ${credentials.expiration.toISOString()}, and ${clock} says ${new Date(serverMs ?? nowMs).toISOString()}`,
      {
        code: 'ERR_CREDENTIALS_EXPIRED',
        hint: isDated
          ? 'is this the endpoint of the credential provider?'
          : "check this device's clock",
        ...responseDetails(response),
      },
    );
  }
  return {
    credentials,
    lifeMs,
    skewMs: isDated ? nowMs - serverMs : undefined,
    requestId: response.headers['x-amzn-requestid'],
  };
}

/**
 * The date of a response has whole seconds: the server's clock may be ahead of it by this. In milliseconds. Without it
 * credentials would be used for up to a second after they expired.
 */
const DATE_PRECISION_MS = 999;

function readCredentials(
  response: HttpsResponse,
  target: ExchangeTarget,
  clockMs: number,
): TemporaryCredentials {
  const invalid = (problem: string) =>
    new CredentialHelperError(
      `the response of ${target.authority} contains no credentials: ${problem}`,
      {
        code: 'ERR_RESPONSE_INVALID',
        hint: 'is this the endpoint of the credential provider?',
        ...responseDetails(response),
      },
    );
  const body = parseJson(response.body);
  if (body === undefined) {
    const { 'content-type': type = 'no content-type', 'content-encoding': encoding } =
      response.headers;
    const how = encoding === undefined ? type : `${type}, content-encoding ${encoding}`;
    throw invalid(`${response.body.length} bytes that are not JSON (${how})`);
  }
  const credentials = isObject(body) ? body.credentials : undefined;
  if (!isObject(credentials)) throw invalid('JSON without "credentials"');
  const text = (name: string): string => {
    const value = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
    if (typeof value !== 'string' || value === '') throw invalid(`"${name}" is missing`);
    // They become a part of header fields.
    if (!/^[!-~]+$/.test(value))
      throw invalid(`"${name}" has characters that credentials never contain`);
    return value;
  };
  const expiration = parseExpiration(text('expiration'));
  if (expiration === undefined) throw invalid('"expiration" is not a date');
  if (expiration.getTime() - clockMs > MAX_LIFE_MS) {
    throw invalid('they are valid for longer than any that AWS issues');
  }
  return {
    accessKeyId: text('accessKeyId'),
    secretAccessKey: text('secretAccessKey'),
    sessionToken: text('sessionToken'),
    expiration,
  };
}

/**
 * Sessions of a role last 12 hours at most (AWS STS API Reference, AssumeRole); a wrong clock may add some. In
 * milliseconds.
 */
const MAX_LIFE_MS = 7 * 24 * 60 * 60 * 1000;

/** Reads a date as AWS writes it (ISO 8601); without a time zone it is UTC. */
function parseExpiration(text: string): Date | undefined {
  const [, day, time, zone = 'Z'] = ISO_DATE.exec(text) ?? [];
  const date = new Date(`${day}T${time}${zone}`);
  return day === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

const ISO_DATE = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)?$/;

function responseDetails({ status, headers }: HttpsResponse) {
  return { httpStatus: status, requestId: headers['x-amzn-requestid'] };
}
