import { EmulatorError } from '../../errors.ts';
import type { ApiRequest } from '../../http/request.ts';
import { type Response, respondJson } from '../../http/response.ts';
import { isObject, isTooComplex } from '../../json.ts';
import { memoize } from '../../memo.ts';
import {
  type Input,
  type Member,
  type Members,
  refuseOthers,
  withoutSignature,
} from './members.ts';
import type { Call, CommonError, Protocol } from './service.ts';

/** An operation of a REST API with its input. */
export interface RestOperation<Context> {
  /** Such as `CreateThing`. */
  readonly name: string;
  readonly method: string;
  /** Such as `/things/{thingName}/principals`. */
  readonly uri: string;
  readonly input: Members;
  readonly handle: (context: Context, input: never) => unknown;
}

/** Defines an operation; infers the type of the handler's input from the members. */
export function operation<Context, const M extends Members>(
  name: string,
  method: string,
  uri: string,
  input: M,
  handle: (context: Context, input: Input<M>) => unknown,
): RestOperation<Context> {
  return { name, method, uri, input, handle };
}

/** HTTP status by error name (restJson1: from the service model). */
const STATUS: Readonly<Record<string, number>> = {
  InvalidRequestException: 400,
  MalformedPolicyException: 400,
  CertificateValidationException: 400,
  RegistrationCodeValidationException: 400,
  ThrottlingException: 400,
  AccessDeniedException: 403,
  IncompleteSignatureException: 403,
  InvalidSignatureException: 403,
  MissingAuthenticationTokenException: 403,
  UnrecognizedClientException: 403,
  ExpiredTokenException: 403,
  ResourceNotFoundException: 404,
  UnknownOperationException: 404,
  CertificateStateException: 406,
  CertificateConflictException: 409,
  DeleteConflictException: 409,
  ResourceAlreadyExistsException: 409,
  VersionConflictException: 409,
  VersionsLimitExceededException: 409,
  LimitExceededException: 410,
  InternalFailureException: 500,
  ServiceUnavailableException: 503,
};

const COMMON_ERRORS: Readonly<Record<CommonError, string>> = {
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  IncompleteSignature: 'IncompleteSignatureException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  ExpiredToken: 'ExpiredTokenException',
  AccessDenied: 'AccessDeniedException',
  InternalFailure: 'InternalFailureException',
};

/** Returns AWS's protocol restJson1 with the operations of a service. */
export function restJson<Context>(
  operations: readonly RestOperation<Context>[],
): Protocol<Context> {
  return {
    inputs: Object.fromEntries(
      operations.map(({ name, input }) => [
        name,
        Object.fromEntries(Object.entries(input).map(([member, { check }]) => [member, check])),
      ]),
    ),
    refuse: (error, message) => refuse(COMMON_ERRORS[error], message),
    fail: (status, code, message) => ({ ...refuse(code, message), status }),
    throttling: { status: 400, code: 'ThrottlingException' },
    find: (request) => findCall(operations, request),
    refuseUnknown: ({ method, path }) =>
      refuse('UnknownOperationException', `not emulated: ${method} ${path}`),
    // The query protocol has only this path.
    isFor: ({ path }) => path !== '/',
  };
}

/** Finds the operation by the method and path of a request. */
function findCall<Context>(
  operations: readonly RestOperation<Context>[],
  request: ApiRequest,
): Call<Context> | undefined {
  const found = findOperation(operations, request);
  if (found === undefined) return undefined;
  const { operation: known, labels } = found;
  const answer: Call<Context>['answer'] = async (context, authorize) => {
    try {
      const input = readInput(known.input, request, labels);
      const refusal = authorize(input);
      if (refusal !== undefined) return refusal;
      const output = await known.handle(context, input as never);
      return respondJson(200, output ?? {});
    } catch (error) {
      if (error instanceof EmulatorError && Object.hasOwn(STATUS, error.code)) {
        return refuse(error.code, error.message, error.details);
      }
      throw error;
    }
  };
  return { name: known.name, answer };
}

function refuse(code: string, message: string, details: object = {}): Response {
  return respondJson(STATUS[code] ?? 400, { message, ...details }, code);
}

type Labels = Readonly<Record<string, string>>;

function findOperation<Context>(
  operations: readonly RestOperation<Context>[],
  { method, path }: ApiRequest,
): { operation: RestOperation<Context>; labels: Labels } | undefined {
  const segments = path.split('/');
  for (const one of operations) {
    const labels = one.method === method ? matchPath(one.uri, segments) : undefined;
    if (labels !== undefined) return { operation: one, labels };
  }
  return undefined;
}

const segmentsOf = memoize(1000, (uri) => uri.split('/'));

function matchPath(uri: string, segments: readonly string[]): Labels | undefined {
  const pattern = segmentsOf(uri);
  if (pattern.length !== segments.length) return undefined;
  const labels: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (part.startsWith('{')) {
      const value = decode(segment);
      if (value === undefined || value === '') return undefined;
      labels[part.slice(1, -1)] = value;
    } else if (part !== segment) {
      return undefined;
    }
  }
  return labels;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function readInput(members: Members, request: ApiRequest, labels: Labels): Record<string, unknown> {
  const places: Record<Member<unknown>['from'], Readonly<Record<string, unknown>>> = {
    uri: labels,
    query: request.query,
    header: request.headers,
    body: readBody(request.body),
  };
  refuseOthers(places.body, namesIn(members, 'body'));
  refuseOthers(withoutSignature(request.query), namesIn(members, 'query'));
  return Object.fromEntries(
    Object.entries(members).map(([name, { from, wireName = name, check }]) => {
      const place = places[from];
      return [name, check(Object.hasOwn(place, wireName) ? place[wireName] : undefined, name)];
    }),
  );
}

function namesIn(members: Members, place: Member<unknown>['from']): object {
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, { from }]) => from === place)
      .map(([name, { wireName = name }]) => [wireName, true]),
  );
}

function readBody(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  try {
    const value: unknown = isTooComplex(body) ? undefined : JSON.parse(body.toString('utf8'));
    if (isObject(value)) return value;
  } catch {
    // Reported below.
  }
  throw new EmulatorError('the body of the request is not a JSON object', {
    code: 'InvalidRequestException',
  });
}
