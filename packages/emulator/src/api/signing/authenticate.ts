import { hash, timingSafeEqual } from 'node:crypto';
import {
  openSessionToken,
  type Principal,
  secretOf,
} from '../../credentials/sealed-credentials.ts';
import { userOf } from '../../credentials/user.ts';
import type { ApiRequest } from '../../http/request.ts';
import { memoize } from '../../memo.ts';
import type { RoleSession } from '../../permissions/authorize.ts';
import { lookUp } from '../../state/look-up.ts';
import type { State } from '../../state/state.ts';
import { expectedSignature } from './expected-signature.ts';
import type { Refusal, Signing } from './signing.ts';

/** The caller who signed a request. */
export type Caller =
  | {
      readonly kind: 'root' | 'user';
      /** Whether the credentials are from `GetSessionToken`. */
      readonly isSession: boolean;
    }
  | ({ readonly kind: 'role' } & RoleSession);

/** The outcome of checking a signature. */
export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal };

/** AWS's message for access keys and session tokens that it does not know. */
export const INVALID_TOKEN = 'The security token included in the request is invalid.';

const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const MAX_SKEW_MS = 5 * 60_000;

/**
 * Checks the signature of a request (AWS General Reference, Signature Version 4), in the `Authorization` header or in
 * the query.
 *
 * @param signing - the signature of the request
 * @param regions - the regions that the credential scope may name
 */
export function authenticate(
  state: State,
  request: ApiRequest,
  signing: Signing,
  regions: readonly string[],
  nowMs: number,
): Authentication {
  const { date, day, region, service } = signing;
  const signedAtMs = timeOf(date);
  if (Number.isNaN(signedAtMs)) {
    const got = date.slice(0, 80);
    return refuse('IncompleteSignature', `Date must be in ISO-8601 'basic format'. Got '${got}'.`);
  }
  const key = findKey(state, signing.accessKeyId, signing.sessionToken);
  if (key === undefined) {
    return refuse('InvalidClientTokenId', INVALID_TOKEN);
  }
  const problem = timeProblem(signing, signedAtMs, nowMs);
  if (problem !== undefined) return refuse('SignatureDoesNotMatch', problem);
  if (!date.startsWith(day)) {
    return refuse('SignatureDoesNotMatch', `Date in Credential scope does not match ${date}`);
  }
  if (!regions.includes(region)) {
    return refuse(
      'SignatureDoesNotMatch',
      `Credential should be scoped to a valid region: ${regions[0]} for service ${service}.`,
    );
  }
  if (!isSigned(request, signing, key)) {
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

/** The time of a date in the format of signatures, in epoch milliseconds; NaN if it is none. Requests come in bursts. */
const timeOf = memoize(10, (date) =>
  AMZ_DATE.test(date) ? Date.parse(date.replace(AMZ_DATE, '$1-$2-$3T$4:$5:$6Z')) : Number.NaN,
);

/** The problem with the time of a signature, or undefined. */
function timeProblem(signing: Signing, signedAtMs: number, nowMs: number): string | undefined {
  const { date, expiresSeconds } = signing;
  const now = () => new Date(nowMs).toISOString();
  const lifeMs = expiresSeconds === undefined ? MAX_SKEW_MS : expiresSeconds * 1000;
  if (nowMs - signedAtMs > lifeMs) return `Signature expired: ${date} is too old at ${now()}`;
  if (signedAtMs - nowMs > MAX_SKEW_MS)
    return `Signature not yet current: ${date} is after ${now()}`;
  return undefined;
}

function isSigned(request: ApiRequest, signing: Signing, key: Key): boolean {
  const { headers } = request;
  const { signedHeaders, expiresSeconds, signature } = signing;
  const inHeader = [
    headers['x-amz-date'] === undefined ? 'date' : 'x-amz-date',
    ...(key.sessionToken === undefined ? [] : ['x-amz-security-token']),
  ];
  const required = ['host', ...(expiresSeconds === undefined ? inHeader : [])];
  const isWhole =
    required.every((name) => signedHeaders.includes(name)) &&
    signedHeaders.every((name) => headers[name] !== undefined) &&
    isSortedAndUnique(signedHeaders) &&
    bodyHashMatches(request);
  if (!isWhole) return false;
  const expected = expectedSignature(request, signing, key.secretAccessKey);
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

/** Each name sorts before the next one. */
function isSortedAndUnique(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name);
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
  if (sessionToken === undefined) return findLongTermKey(state, accessKeyId);
  const grant = openSessionToken(state, accessKeyId, sessionToken);
  if (grant === undefined) return undefined;
  const caller = callerOf(state, grant.principal);
  if (caller === undefined) return undefined;
  const secretAccessKey = secretOf(state, accessKeyId);
  return { accessKeyId, secretAccessKey, sessionToken, expirationMs: grant.expirationMs, caller };
}

function findLongTermKey(state: State, accessKeyId: string): Key | undefined {
  const { administrator } = state;
  const common = { expirationMs: Number.POSITIVE_INFINITY };
  if (accessKeyId === administrator.accessKeyId) {
    return { ...administrator, ...common, caller: { kind: 'root', isSession: false } };
  }
  const user = userOf(state);
  if (accessKeyId !== user.accessKeyId) return undefined;
  return { ...user, ...common, caller: { kind: 'user', isSession: false } };
}

/** The caller with a session of a principal; undefined if its role was deleted, even if there is another of its name. */
function callerOf(state: State, principal: Principal): Caller | undefined {
  if (principal.kind !== 'role') return { kind: principal.kind, isSession: true };
  const { roleName, roleId, sessionName, variables = {} } = principal;
  const role = lookUp(state.roles, roleName);
  return role?.roleId === roleId ? { kind: 'role', role, sessionName, variables } : undefined;
}

function bodyHashMatches({ headers, body }: ApiRequest): boolean {
  const claimed = headers['x-amz-content-sha256'];
  return claimed === undefined || claimed === hash('sha256', body, 'hex');
}

function refuse(code: Refusal['code'], message: string): Authentication {
  return { refusal: { code, message } };
}
