import { randomUUID } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';
import type { Response } from './http.ts';
import { type ApiRequest, authenticate, type Caller } from './sigv4.ts';
import { lookUp, type State } from './state.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const VERSION = '2011-06-15';
const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

const STATUS: Readonly<Record<string, number>> = {
  IncompleteSignature: 400,
  InvalidAction: 400,
};

/** Answers a request to AWS STS (query protocol): `GetCallerIdentity`. */
export async function answerSts(
  state: State,
  request: ApiRequest,
  nowMs: number,
): Promise<Response> {
  const authentication = await authenticate(state, request, 'sts', nowMs);
  if ('refusal' in authentication) {
    const { code, message } = authentication.refusal;
    return refuse(code, message);
  }
  const parameters = new URLSearchParams(request.body.toString('utf8'));
  const action = parameters.get('Action');
  if (action !== 'GetCallerIdentity' || parameters.get('Version') !== VERSION) {
    return refuse(
      'InvalidAction',
      `Could not find operation ${action} for version ${parameters.get('Version')}`,
    );
  }
  return respond(200, {
    GetCallerIdentityResponse: {
      '@xmlns': NAMESPACE,
      GetCallerIdentityResult: identify(state, authentication.caller),
      ResponseMetadata: { RequestId: randomUUID() },
    },
  });
}

function identify(state: State, caller: Caller): { Arn: string; UserId: string; Account: string } {
  const Account = state.accountId;
  if (caller.kind === 'administrator') {
    return { Arn: `arn:aws:iam::${Account}:root`, UserId: Account, Account };
  }
  const { roleName, sessionName } = caller;
  const roleId = lookUp(state.roles, roleName)?.roleId ?? roleName;
  return {
    Arn: `arn:aws:sts::${Account}:assumed-role/${roleName}/${sessionName}`,
    UserId: `${roleId}:${sessionName}`,
    Account,
  };
}

function refuse(code: string, message: string): Response {
  return respond(STATUS[code] ?? 403, {
    ErrorResponse: {
      '@xmlns': NAMESPACE,
      Error: { Type: 'Sender', Code: code, Message: message },
      RequestId: randomUUID(),
    },
  });
}

function respond(status: number, document: unknown): Response {
  return {
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-RequestId': randomUUID() },
    body: builder.build(document) as string,
  };
}
