import { timingSafeEqual } from 'node:crypto';
import type { Seed, SeedInput } from '../account/seed.ts';
import type { ExplainInput, Explanation } from '../credentials/explain.ts';
import { EmulatorError } from '../errors.ts';
import type { Fault } from '../faults/fault.ts';
import type { Faults } from '../faults/faults.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Response } from '../http/response.ts';
import { isObject, parseJson, toPrintableJson } from '../json.ts';
import type { Requests } from './request-history.ts';

/** The dependencies of control requests. */
export interface ControlContext {
  readonly seed: (input: SeedInput) => Promise<Seed>;
  /** Also writes certificate and key to the folder; undefined without a folder. */
  readonly seedFiles: ((input: SeedInput) => Promise<Seed>) | undefined;
  readonly explain: (input: ExplainInput) => Explanation;
  readonly faults: Faults;
  readonly requests: Requests;
  readonly accessKey: AccessKeyAnswer;
  /** The bearer token of control requests. */
  readonly controlToken: string;
}

/** `GET access-key`: the keys of the account's root user, for the AWS CLI and SDKs. */
export interface AccessKeyAnswer {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The path prefix of control requests. */
export const CONTROL_PREFIX = '/_emulator/';

type Handler = (context: ControlContext, input: unknown) => unknown;

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET access-key': ({ accessKey }) => accessKey,
  'GET counters': ({ requests }) => requests.counters,
  'GET requests': ({ requests }) => requests.latest,
  'GET faults': ({ faults }) => faults.list(),
  'POST faults': ({ faults }, input) => {
    faults.add(input as Fault);
    return faults.list();
  },
  'DELETE faults': ({ faults }) => {
    faults.clear();
    return faults.list();
  },
  'POST explain': ({ explain }, input) => explain(explainInput(input)),
  'POST seed': ({ seed }, input) => seed(seedInput(input)),
  'POST seed-files': async ({ seedFiles }, input) => {
    const {
      privateKeyPem: _,
      certificatePem: __,
      ...seeded
    } = (await seedFiles?.(seedInput(input))) ?? missingFolder();
    return seeded;
  },
};

/**
 * Responds to a control request. It requires the token, and a `Host` of this machine: web pages in a local browser
 * have neither.
 */
export async function answerControl(
  context: ControlContext,
  request: ApiRequest,
): Promise<Response> {
  const { authorization = '', host = '' } = request.headers;
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host))
    return respond(403, { message: 'the Host header must be localhost' });
  if (!isSame(authorization, `Bearer ${context.controlToken}`)) {
    return respond(401, { message: 'the bearer token is missing or wrong' });
  }
  const name = `${request.method} ${request.path.slice(CONTROL_PREFIX.length)}`;
  const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  if (handler === undefined) {
    return respond(404, { message: `expected one of ${Object.keys(HANDLERS).join(', ')}` });
  }
  try {
    return respond(200, await handler(context, parse(request.body)));
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    return respond(400, { code: error.code, message: error.message });
  }
}

function seedInput(input: unknown): SeedInput {
  if (isObject(input)) {
    const { thingName, roleAlias, keyType, durationSeconds } = input;
    // `seed` checks the values.
    if ([thingName, roleAlias, keyType].every(isTextOrMissing)) {
      return { thingName, roleAlias, keyType, durationSeconds } as SeedInput;
    }
  }
  throw new EmulatorError('the body must be an object; its names and keyType must be strings', {
    code: 'InvalidRequestException',
  });
}

function missingFolder(): never {
  throw new EmulatorError('the emulator has no folder', { code: 'ERR_DIR' });
}

function parse(body: Buffer): unknown {
  const value = body.length === 0 ? {} : parseJson(body.toString('utf8'));
  if (value !== undefined) return value;
  throw new EmulatorError('the body is not JSON', { code: 'ERR_FAULT' });
}

function explainInput(input: unknown): ExplainInput {
  const { thingName, certificate, roleAlias, sourceIp } = (input ?? {}) as Record<string, unknown>;
  if (
    typeof certificate === 'string' &&
    typeof roleAlias === 'string' &&
    isTextOrMissing(thingName) &&
    isTextOrMissing(sourceIp)
  ) {
    return { thingName, certificate, roleAlias, sourceIp };
  }
  throw new EmulatorError('the body must have certificate and roleAlias', {
    code: 'InvalidRequestException',
  });
}

function isTextOrMissing(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function respond(status: number, body: unknown): Response {
  return { status, headers: { 'content-type': 'application/json' }, body: toPrintableJson(body) };
}
