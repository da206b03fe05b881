import type { Account } from '../account/account.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Response } from '../http/response.ts';
import type { State } from '../state/state.ts';
import { IAM } from './iam/iam.ts';
import { IOT } from './iot/iot.ts';
import type { Service } from './protocol/service.ts';
import { authenticate, type Caller, INVALID_TOKEN } from './signing/authenticate.ts';
import { readSigning } from './signing/signing.ts';
import { callerArn, STS } from './sts/sts.ts';

/** The dependencies of the AWS APIs. */
export interface ApiContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
  readonly nowMs: number;
}

/** A response, with properties of the request. */
export interface ApiAnswer {
  readonly response: Response;
  /** Such as `sts:GetCallerIdentity`. */
  readonly operation?: string | undefined;
  /** The ARN of the caller. */
  readonly callerArn?: string | undefined;
}

type SignedContext = ApiContext & { readonly caller: Caller };

const SERVICES: readonly Service<SignedContext>[] = [IOT, IAM, STS];

const NO_ROLES =
  'only the root user and the IAM user are permitted to do this: the emulator does not evaluate the policies of roles';

/** Responds to a request to one of the AWS APIs: the credential scope of its signature names the service. */
export async function answerApi(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const signing = readSigning(request);
  if ('code' in signing) {
    return { response: guessService(request).refuse(signing.code, signing.message) };
  }
  const service = SERVICES.find(({ signingNames }) => signingNames.includes(signing.service));
  if (service === undefined) {
    const names = SERVICES.flatMap(({ signingNames }) => signingNames).join(', ');
    const message = `Credential should be scoped to correct service: ${names}.`;
    return { response: guessService(request).refuse('SignatureDoesNotMatch', message) };
  }
  const { state, nowMs } = context;
  const call = service.find(request);
  const operation = call.name && `${service.prefix}:${call.name}`;
  const regions = service.signingRegions(state.region);
  const outcome = authenticate(state, request, signing, regions, nowMs);
  if ('refusal' in outcome) {
    const { code, message } = outcome.refusal;
    return { response: service.refuse(code, message), operation };
  }
  const { caller } = outcome;
  const known = { operation, callerArn: callerArn(state, caller) };
  if (caller.kind !== 'role' && caller.isSession && !service.isOpenToSessions) {
    return { response: service.refuse('InvalidClientTokenId', INVALID_TOKEN), ...known };
  }
  const authorize = () =>
    caller.kind === 'role' && !service.isOpenToRoles
      ? service.refuse('AccessDenied', NO_ROLES)
      : undefined;
  try {
    return { response: await call.answer({ ...context, caller }, authorize), ...known };
  } catch {
    // A bug must not stop the emulator; the content of the request is not shown.
    return { response: service.refuse('InternalFailure', 'the emulator failed'), ...known };
  }
}

/** Without a credential scope the path determines the protocol: the query protocol has only one path. */
function guessService({ path }: ApiRequest): Service<SignedContext> {
  return path === '/' ? STS : IOT;
}
