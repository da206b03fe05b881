import { randomUUID } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';
import { EmulatorError } from '../../errors.ts';
import type { ApiRequest } from '../../http/request.ts';
import type { Response } from '../../http/response.ts';
import { memoizeByIdentity } from '../../memo.ts';
import { type Checked, type Checks, checkAll, refuseOthers, withoutSignature } from './members.ts';
import { toStructure } from './query-members.ts';
import type { Call, Protocol } from './service.ts';

/** The properties of a service for the query protocol. */
export interface QueryActions<Context> {
  /** The version of its API, which each request names. */
  readonly version: string;
  /** The XML namespace of its responses. */
  readonly namespace: string;
  readonly actions: Readonly<Record<string, QueryAction<Context>>>;
}

/** An action of such a service with its input. */
export interface QueryAction<Context> {
  readonly input: Checks;
  /** Returns the members of the result; undefined if the action has none. */
  readonly handle: (context: Context, input: never) => unknown;
}

/** Defines an action; infers the type of the handler's input from the checks. */
export function action<Context, const C extends Checks>(
  input: C,
  handle: (context: Context, input: Checked<C>) => unknown,
): QueryAction<Context> {
  return { input, handle };
}

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

const STATUS: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  DeleteConflict: 409,
  EntityAlreadyExists: 409,
  ExpiredToken: 403,
  IncompleteSignature: 400,
  InvalidAction: 400,
  InvalidClientTokenId: 403,
  InternalFailure: 500,
  InvalidInput: 400,
  LimitExceeded: 409,
  MalformedPolicyDocument: 400,
  MissingAuthenticationToken: 403,
  NoSuchEntity: 404,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  ValidationError: 400,
};

/** Code shared by all protocols uses AWS IoT's error names: the checks of members, and the store. */
const SHARED_CODES: Readonly<Record<string, string>> = {
  InvalidRequestException: 'ValidationError',
  ServiceUnavailableException: 'ServiceUnavailable',
};

/** Returns AWS's query protocol with the actions of a service. */
export function queryProtocol<Context>(service: QueryActions<Context>): Protocol<Context> {
  return {
    inputs: Object.fromEntries(
      Object.entries(service.actions).map(([name, { input }]) => [name, input]),
    ),
    refuse: (error, message) => refuse(service, error, message),
    fail: (status, code, message) => refuse(service, code, message, status),
    throttling: { status: 400, code: 'Throttling' },
    find: (request) => findCall(service, request),
    refuseUnknown: (request) => {
      if (hasTooMany(request)) {
        const message = `A request can have at most ${MAX_PARAMETERS} parameters`;
        return refuse(service, 'ValidationError', message);
      }
      const { action, version } = readAction(request);
      const message = `Could not find operation ${action} for version ${version}`;
      return refuse(service, 'InvalidAction', message);
    },
    isFor: (request) => readAction(request).version === service.version,
  };
}

/** Finds the action that a request names, in its body or else in its query. */
function findCall<Context>(
  service: QueryActions<Context>,
  request: ApiRequest,
): Call<Context> | undefined {
  const { parameters, action, version } = readAction(request);
  const found = Object.hasOwn(service.actions, action) ? service.actions[action] : undefined;
  if (found === undefined || version !== service.version) return undefined;
  const answer: Call<Context>['answer'] = async (context, authorize) => {
    try {
      const { Action, Version, ...given } = withoutSignature(toStructure(parameters));
      refuseOthers(given, found.input);
      const input = checkAll(found.input, given);
      const refusal = authorize(input);
      if (refusal !== undefined) return refusal;
      const result = await found.handle(context, input as never);
      return respond(200, (RequestId) => ({
        [`${action}Response`]: {
          '@xmlns': service.namespace,
          ...(result !== undefined && { [`${action}Result`]: result }),
          ResponseMetadata: { RequestId },
        },
      }));
    } catch (error) {
      if (!(error instanceof EmulatorError)) throw error;
      const code = SHARED_CODES[error.code] ?? error.code;
      if (!Object.hasOwn(STATUS, code)) throw error;
      return refuse(service, code, error.message);
    }
  };
  return { name: action, answer };
}

/** The action that a request names, empty if none, and all its parameters. */
interface NamedAction {
  readonly parameters: URLSearchParams;
  readonly action: string;
  readonly version: string;
}

/** Returns the action that a request names; none if it has too many parameters. */
export const readAction: (request: ApiRequest) => NamedAction = memoizeByIdentity((request) => {
  const parameters = hasTooMany(request) ? new URLSearchParams() : readParameters(request);
  const action = parameters.get('Action') ?? '';
  return { parameters, action, version: parameters.get('Version') ?? '' };
});

function refuse(
  { namespace }: { readonly namespace: string },
  code: string,
  message: string,
  status = STATUS[code] ?? 400,
): Response {
  return respond(status, (RequestId) => ({
    ErrorResponse: {
      '@xmlns': namespace,
      Error: {
        Type: status < 500 ? 'Sender' : 'Receiver',
        Code: code,
        Message: toXmlText(message),
      },
      RequestId,
    },
  }));
}

/** Text without the characters that XML cannot hold. */
export function toXmlText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are removed
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?');
}

/** Far more than any action has. */
const MAX_PARAMETERS = 5000;

function hasTooMany({ body }: ApiRequest): boolean {
  let separators = 0;
  for (let at = 0; at < body.length && separators < MAX_PARAMETERS; at++) {
    if (body[at] === AMPERSAND) separators++;
  }
  return separators === MAX_PARAMETERS;
}

const AMPERSAND = 0x26;

function readParameters({ query, body }: ApiRequest): URLSearchParams {
  const form = new URLSearchParams(body.toString('utf8'));
  if (form.has('Action')) return form;
  return new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, [value].flat()[0] ?? '']),
  );
}

function respond(status: number, toDocument: (requestId: string) => unknown): Response {
  const requestId = randomUUID();
  return {
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-RequestId': requestId },
    body: String(builder.build(toDocument(requestId))),
  };
}
