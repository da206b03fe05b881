import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import type { ExchangeTarget } from '../options/endpoint.ts';
import { excerpt } from '../text.ts';
import type { HttpsResponse } from '../tls/client.ts';
import { httpDate } from './http-date.ts';

interface Explanation {
  readonly code: ErrorCode;
  readonly hint: string;
}

/**
 * Creates the error for a response other than 200. It names thing, role alias and endpoint, and the AWS resource to
 * check.
 */
export function serviceError(
  response: HttpsResponse,
  target: ExchangeTarget,
): CredentialHelperError {
  const { status, headers } = response;
  const said = readMessage(response);
  const { code, hint } = explainMessage(status, said, target) ?? explainStatus(response, target);
  const thing = target.thingName === undefined ? 'no thing name' : `thing "${target.thingName}"`;
  const name = code === 'ERR_UNEXPECTED_STATUS' ? ` ${nameOf(status)}`.trimEnd() : '';
  const answer = `HTTP ${status}${name}${said === undefined ? '' : `: ${said}`}`;
  return new CredentialHelperError(
    `${target.authority} returned no credentials for role alias "${target.roleAlias}" (${thing}): ${answer}`,
    {
      code,
      hint,
      httpStatus: status,
      requestId: headers['x-amzn-requestid'],
      retryAfterMs: retryAfterMs(headers),
    },
  );
}

/** The messages of the credential provider, and the AWS resource to check for each. */
function explainMessage(
  status: number,
  message: string | undefined,
  { roleAlias, thingName }: ExchangeTarget,
): Explanation | undefined {
  switch (`${status} ${message}`) {
    case '403 Certificate is invalid on this endpoint':
      return {
        code: 'ERR_CERTIFICATE_NOT_REGISTERED',
        hint: 'the certificate must be registered in AWS IoT and ACTIVE, in the account and region of this endpoint (aws iot describe-certificate)',
      };
    case '403 Invalid thing name passed':
      return {
        code: 'ERR_THING_NAME',
        hint:
          thingName === undefined
            ? 'pass the name of the thing that the certificate is attached to as "thingName"'
            : `the thing must exist and the certificate be attached to it (aws iot list-thing-principals --thing-name ${thingName})`,
      };
    case '403 Access Denied':
      return {
        code: 'ERR_ACCESS_DENIED',
        hint: `a policy attached to the certificate must allow iot:AssumeRoleWithCertificate on the ARN of role alias ${roleAlias} (aws iot list-attached-policies); AWS returns the same error for a misspelled role alias (aws iot list-role-aliases)`,
      };
    case '404 Role alias does not exist':
      return {
        code: 'ERR_ROLE_ALIAS_NOT_FOUND',
        hint: `the role alias must exist in the account and region of this endpoint (aws iot describe-role-alias --role-alias ${roleAlias})`,
      };
    case '400 Unable to assume the role, or the role to assume does not exist':
      return {
        code: 'ERR_ROLE_NOT_ASSUMABLE',
        hint: 'the IAM role that the role alias points to must exist and its trust policy allow sts:AssumeRole to credentials.iot.amazonaws.com (aws iam get-role)',
      };
    case '400 The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role':
      return {
        code: 'ERR_DURATION_EXCEEDS_ROLE',
        hint: `lower credentialDurationSeconds of role alias ${roleAlias} or raise MaxSessionDuration of its IAM role (aws iot update-role-alias, aws iam update-role)`,
      };
    default:
      return undefined;
  }
}

function explainStatus(response: HttpsResponse, { roleAlias }: ExchangeTarget): Explanation {
  const { status, headers } = response;
  if (status === 403) {
    return {
      code: 'ERR_ACCESS_DENIED',
      hint: `check the certificate, the thing it is attached to, and the policy that allows iot:AssumeRoleWithCertificate on role alias ${roleAlias}, and its spelling`,
    };
  }
  if (status === 429 || (status === 400 && isThrottled(response))) {
    return {
      code: 'ERR_THROTTLED',
      hint: 'send fewer requests, or raise the quota of the credential provider',
    };
  }
  if (status >= 500 || status === 408) {
    return { code: 'ERR_SERVICE', hint: 'try again later; see the AWS Health Dashboard' };
  }
  if (headers.location !== undefined && status >= 300 && status < 400) {
    return {
      code: 'ERR_UNEXPECTED_STATUS',
      hint: `redirects are not followed (to ${headers.location}): the certificate is sent to the endpoint only; is this the endpoint of the credential provider?`,
    };
  }
  return {
    code: 'ERR_UNEXPECTED_STATUS',
    hint: 'is this the endpoint of the credential provider?',
  };
}

/** AWS services may also throttle with status 400, and name the error in a header field or in the body. */
function isThrottled(response: HttpsResponse): boolean {
  return errorTypes(response).some((type) => /^Throttl(?:ing|ed)(?:Exception)?$/.test(type));
}

/** The `Retry-After` header, in milliseconds: seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs({
  'retry-after': given = '',
  date,
}: HttpsResponse['headers']): number | undefined {
  if (/^\d+$/.test(given)) return Number(given) * 1000;
  const ms = (httpDate(given) ?? Number.NaN) - (httpDate(date) ?? Number.NaN);
  return ms >= 0 ? ms : undefined;
}

/** The name of an HTTP status. Loaded here: a process whose child makes the requests does not need it. */
function nameOf(status: number): string {
  return process.getBuiltinModule('node:http').STATUS_CODES[status] ?? '';
}

/** The error message in the body, else the error type, on one line; undefined if there is neither. */
function readMessage(response: HttpsResponse): string | undefined {
  const said = [
    ...textsOf(response.body, MESSAGE_NAMES),
    plainText(response.body),
    ...errorTypes(response),
  ].find((text) => text !== '');
  return said === undefined ? undefined : excerpt(said);
}

/** The members of a body with a message or an error type, in lower case: AWS services and proxies spell them differently. */
const MESSAGE_NAMES = ['message', 'errormessage', 'error_description', 'detail'];
const TYPE_NAMES = ['__type', 'code', 'errorcode', 'errortype', 'type', 'error'];

/** The error types in header field and body, without namespace (`com.amazonaws.iot#`) and URL (`:http://…`). */
function errorTypes({ headers, body }: HttpsResponse): readonly string[] {
  return [headers['x-amzn-errortype'] ?? '', ...textsOf(body, TYPE_NAMES)].map(
    (type) => /^(?:[\w.]+#)?([^:]*)/.exec(type)?.[1] ?? '',
  );
}

/** The texts of some members of a JSON body, or of the member `error` in it. */
function textsOf(body: Uint8Array, names: readonly string[]): readonly string[] {
  const outer = membersOf(parseJson(body));
  const members = [...outer, ...membersOf(outer.find(([name]) => name === 'error')?.[1])];
  return names
    .flatMap((name) => members.filter(([member]) => member === name))
    .flatMap(([, text]) => (typeof text === 'string' ? [text] : []));
}

function membersOf(value: unknown): readonly (readonly [name: string, value: unknown])[] {
  if (!isObject(value)) return [];
  return Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]);
}

/** A body that is plain text: neither JSON nor a page of a proxy. */
function plainText(body: Uint8Array): string {
  const text = Buffer.from(body).toString().trim();
  return /^[{<[]/.test(text) || text.includes('\ufffd') ? '' : text;
}
