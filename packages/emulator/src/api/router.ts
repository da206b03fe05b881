import type { Account } from '../account/account.ts';
import type { Response } from '../http/response.ts';
import type { State } from '../state/state.ts';
import { IAM } from './iam/iam.ts';
import { CERTIFICATE_OPERATIONS } from './iot/certificates.ts';
import { POLICY_OPERATIONS } from './iot/policies.ts';
import { ROLE_ALIAS_OPERATIONS } from './iot/role-aliases.ts';
import { THING_GROUP_OPERATIONS } from './iot/thing-groups.ts';
import { THING_OPERATIONS } from './iot/things.ts';
import type { Call } from './protocol/call.ts';
import { findQueryCall, refuseQuery } from './protocol/query.ts';
import { findRestCall, refuseRest } from './protocol/rest-json.ts';
import { authenticate, type Caller } from './signing/authenticate.ts';
import { type ApiRequest, type Refusal, readSigning } from './signing/signing.ts';
import { callerArn, STS } from './sts/sts.ts';

/** What the AWS APIs answer from. */
export interface ApiContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
  readonly nowMs: number;
}

/** An answer, and what is known of the question. */
export interface ApiAnswer {
  readonly response: Response;
  /** Such as `sts:GetCallerIdentity`. */
  readonly operation?: string | undefined;
  /** The ARN of whoever signed the request. */
  readonly callerArn?: string | undefined;
}

interface Service {
  /** What stands before the names of its operations. */
  readonly prefix: 'iot' | 'iam' | 'sts';
  /** Regions that the credential scope may name. */
  readonly regions: (region: string) => readonly string[];
  readonly refuse: (code: string, message: string) => Response;
  readonly find: (request: ApiRequest) => Call<SignedContext>;
}

type SignedContext = ApiContext & { readonly caller: Caller };

const IOT_OPERATIONS = [
  ...THING_OPERATIONS,
  ...THING_GROUP_OPERATIONS,
  ...CERTIFICATE_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...ROLE_ALIAS_OPERATIONS,
];

/** The names that restJson1 services have for what Signature Version 4 refuses. */
const JSON_CODES: Readonly<Record<Refusal['code'], string>> = {
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  IncompleteSignature: 'IncompleteSignatureException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  ExpiredToken: 'ExpiredTokenException',
};

const NOT_ADMINISTRATOR =
  "only the account's administrator may do this here: the emulator does not evaluate the policies of roles";

/** A call that the administrator alone may make. */
function forAdministrator<Context>(
  { name, answer }: Call<Context>,
  toContext: (context: ApiContext) => Context,
  refuse: () => Response,
): Call<SignedContext> {
  return {
    name,
    answer: (context) =>
      context.caller.kind === 'administrator' ? answer(toContext(context)) : refuse(),
  };
}

const IOT: Service = {
  prefix: 'iot',
  regions: (region) => [region],
  refuse: refuseRest,
  find: (request) =>
    forAdministrator(
      findRestCall(IOT_OPERATIONS, request),
      (context) => context,
      () => refuseRest('AccessDeniedException', NOT_ADMINISTRATOR),
    ),
};

/** Services by the name in the credential scope. */
const SERVICES: ReadonlyMap<string, Service> = new Map<string, Service>([
  ['iot', IOT],
  // Older service models, such as the one in Debian's botocore, sign for this name.
  ['execute-api', IOT],
  [
    'iam',
    {
      prefix: 'iam',
      // IAM is global, and signed for us-east-1; botocore takes the client's region where it is given an endpoint.
      regions: (region) => ['us-east-1', region],
      refuse: (code, message) => refuseQuery(IAM, code, message),
      find: (request) =>
        forAdministrator(
          findQueryCall(IAM, request),
          ({ account }) => account,
          () => refuseQuery(IAM, 'AccessDenied', NOT_ADMINISTRATOR),
        ),
    },
  ],
  [
    'sts',
    {
      prefix: 'sts',
      // STS has a global endpoint too, which is signed for us-east-1.
      regions: (region) => [region, 'us-east-1'],
      refuse: (code, message) => refuseQuery(STS, code, message),
      find: (request) => findQueryCall(STS, request),
    },
  ],
]);

/** Answers a request to one of the AWS APIs: the service is the one in the credential scope of its signature. */
export async function answerApi(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const signing = readSigning(request);
  if ('code' in signing) {
    const { refuse } = guessService(request);
    return { response: refuse(jsonCode(refuse, signing.code), signing.message) };
  }
  const service = SERVICES.get(signing.service);
  if (service === undefined) {
    const { refuse } = guessService(request);
    const message = `Credential should be scoped to correct service: ${[...SERVICES.keys()].join(', ')}.`;
    return { response: refuse(jsonCode(refuse, 'SignatureDoesNotMatch'), message) };
  }
  const { state, nowMs } = context;
  const call = service.find(request);
  const operation = call.name && `${service.prefix}:${call.name}`;
  const regions = service.regions(state.region);
  const outcome = await authenticate(state, request, signing, regions, nowMs);
  if ('refusal' in outcome) {
    const { code, message } = outcome.refusal;
    return { response: service.refuse(jsonCode(service.refuse, code), message), operation };
  }
  const known = { operation, callerArn: callerArn(state, outcome.caller) };
  try {
    return { response: await call.answer({ ...context, caller: outcome.caller }), ...known };
  } catch {
    // A mistake of the emulator must not end it; what the request held is not told.
    const code = service.refuse === refuseRest ? 'InternalFailureException' : 'InternalFailure';
    return { response: service.refuse(code, 'the emulator failed'), ...known };
  }
}

function jsonCode(refuse: Service['refuse'], code: Refusal['code']): string {
  return refuse === refuseRest ? JSON_CODES[code] : code;
}

/** Without a credential scope the path tells: the query protocol has but one. */
function guessService({ path }: ApiRequest): Pick<Service, 'refuse'> {
  return path === '/'
    ? { refuse: (code, message) => refuseQuery(STS, code, message) }
    : { refuse: refuseRest };
}
