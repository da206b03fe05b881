import type { Account } from '../account/account.ts';
import { type Replacement, replacementResponse } from '../http/replacement.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Response } from '../http/response.ts';
import { ALLOW_ALL, type Authorize, authorizerOf } from '../permissions/authorize.ts';
import type { State } from '../state/state.ts';
import { IAM } from './iam/iam.ts';
import { IOT } from './iot/iot.ts';
import { refuseOtherService } from './other-services.ts';
import { readAction } from './protocol/query.ts';
import type { Call, Service } from './protocol/service.ts';
import { authenticate, type Caller, INVALID_TOKEN } from './signing/authenticate.ts';
import { type Refusal, readSigning, type Signing } from './signing/signing.ts';
import { callerArn, STS } from './sts/sts.ts';

/** The dependencies of the AWS APIs. */
export interface ApiContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A response, with properties of the request. */
export interface ApiAnswer {
  readonly response: Response;
  /** Such as `sts:GetCallerIdentity`. */
  readonly operation?: string | undefined;
  /** The ARN of the caller. */
  readonly callerArn?: string | undefined;
  /** What the policies of the caller say, if they do not allow the operation. */
  readonly reason?: string | undefined;
  /** An unexpected exception; the response reports an internal failure. */
  readonly defect?: { readonly error: unknown } | undefined;
}

type SignedContext = ApiContext & {
  readonly caller: Caller;
  readonly authorize: Authorize;
  readonly nowMs: number;
};

const SERVICES: readonly Service<SignedContext>[] = [IOT, IAM, STS];

const FAILED = 'the emulator failed: see its stderr, or its log';

/** The service that a request is for, undefined if it is not emulated, and how the request is signed. */
export interface Route {
  readonly signing: Signing | Refusal;
  readonly service: Service<SignedContext> | undefined;
}

/** Finds the service that a request is for: the credential scope of its signature names it. */
export function findRoute(request: ApiRequest): Route {
  const signing = readSigning(request);
  return { signing, service: findService(request, signing) };
}

/** Responds to a request to one of the AWS APIs. */
export async function answerApi(
  context: ApiContext,
  request: ApiRequest,
  { signing, service }: Route,
): Promise<ApiAnswer> {
  if (service === undefined) return { response: refuseOther(request, signing) };
  let operation: string | undefined;
  try {
    const call = service.find(request);
    operation = call && `${service.prefix}:${call.name}`;
    if (!('code' in signing)) {
      return { operation, ...(await answerSigned(context, request, { signing, service, call })) };
    }
    if (call === undefined && namesOperation(request)) {
      return { response: service.refuseUnknown(request) };
    }
    const { code, message } = signing;
    const what = code === 'MissingAuthenticationToken' && operation ? `: ${operation}` : '';
    return { operation, response: service.refuse(code, message + what) };
  } catch (error) {
    // The content of the request is not shown.
    const response = service.refuse('InternalFailure', FAILED);
    return { operation, response, defect: { error } };
  }
}

/** Responds to a request to one of the AWS APIs as a fault demands, without calling its operation. */
export function replaceAnswer(
  request: ApiRequest,
  service: Service<SignedContext>,
  replacement: Replacement | undefined,
): ApiAnswer {
  const call = service.find(request);
  const operation = call && `${service.prefix}:${call.name}`;
  return { operation, response: replacementResponse(replacement, service) };
}

/** Returns the response to a request for a service that is not emulated. */
function refuseOther(request: ApiRequest, signing: Signing | Refusal): Response {
  return refuseOtherService(request, 'code' in signing ? operationOf(request) : signing.service);
}

function findService(
  request: ApiRequest,
  signing: Signing | Refusal,
): Service<SignedContext> | undefined {
  if (!('code' in signing)) {
    return SERVICES.find(({ signingNames }) => signingNames.includes(signing.service));
  }
  const { headers } = request;
  if (headers['x-amz-target'] !== undefined || headers['smithy-protocol'] !== undefined) {
    return undefined;
  }
  const service = SERVICES.find(({ isFor }) => isFor(request));
  return service ?? (namesOperation(request) ? undefined : STS);
}

/** Whether a request names an operation by its path, or by a parameter. */
function namesOperation(request: ApiRequest): boolean {
  return request.path !== '/' || readAction(request).action !== '';
}

/** What a request without a credential scope asks for. */
function operationOf(request: ApiRequest): string {
  const { headers, method, path } = request;
  return headers['x-amz-target'] ?? (readAction(request).action || `${method} ${path}`);
}

async function answerSigned(
  context: ApiContext,
  request: ApiRequest,
  called: {
    readonly signing: Signing;
    readonly service: Service<SignedContext>;
    readonly call: Call<SignedContext> | undefined;
  },
): Promise<ApiAnswer> {
  const { signing, service, call } = called;
  const { state, now } = context;
  const nowMs = now();
  const regions = service.signingRegions(state.region);
  const outcome = authenticate(state, request, signing, regions, nowMs);
  if ('refusal' in outcome) {
    const { code, message } = outcome.refusal;
    return { response: service.refuse(code, message) };
  }
  const { caller } = outcome;
  const known = { callerArn: callerArn(state, caller) };
  if (caller.kind !== 'role' && caller.isSession && !service.isOpenToSessions) {
    return { response: service.refuse('InvalidClientTokenId', INVALID_TOKEN), ...known };
  }
  if (call === undefined) return { response: service.refuseUnknown(request), ...known };
  let reason: string | undefined;
  const { sourceIp, headers } = request;
  const facts = { service: service.prefix, sourceIp, userAgent: headers['user-agent'], nowMs };
  const decide = caller.kind === 'role' ? authorizerOf(state, caller, facts) : ALLOW_ALL;
  const authorize: Authorize = (permission) => {
    const decision = decide(permission);
    reason = decision.effect === 'Allow' ? undefined : decision.reason;
    return decision;
  };
  const response = await call.answer({ ...context, caller, authorize, nowMs }, (input) => {
    for (const permission of service.permissions[call.name]?.(state, input) ?? []) {
      const { effect, message } = authorize(permission);
      if (effect !== 'Allow') return service.refuse('AccessDenied', message);
    }
    return undefined;
  });
  return { response, ...known, ...(response.status === 403 && { reason }) };
}
