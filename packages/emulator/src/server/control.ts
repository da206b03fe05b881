import { timingSafeEqual } from 'node:crypto';
import type { Account } from '../account/account.ts';
import type { ApiRequest } from '../api/signing/signing.ts';
import { EmulatorError } from '../errors.ts';
import type { Faults } from '../faults/faults.ts';
import type { Counters, RequestRecord } from '../http/request-record.ts';
import type { Response } from '../http/response.ts';
import { parseJson } from '../json.ts';

/** What control requests work on. */
export interface ControlContext {
  readonly account: Account;
  readonly faults: Faults;
  readonly counters: Counters;
  readonly requests: readonly RequestRecord[];
  /** What a control request carries as bearer token. */
  readonly controlToken: string;
}

/** The path that control requests begin with. */
export const CONTROL_PREFIX = '/_emulator/';

type Handler = (context: ControlContext, input: unknown) => unknown;

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET counters': ({ counters }) => counters,
  'GET requests': ({ requests }) => requests,
  'GET faults': ({ faults }) => faults.list(),
  'POST faults': ({ faults }, input) => {
    faults.add(input as Parameters<Faults['add']>[0]);
    return faults.list();
  },
  'DELETE faults': ({ faults }) => {
    faults.clear();
    return faults.list();
  },
  'POST seed': ({ account }, input) => {
    const { thingName, roleAlias } = (input ?? {}) as Record<string, unknown>;
    if (typeof thingName !== 'string' || typeof roleAlias !== 'string') {
      throw new EmulatorError('the body must have thingName and roleAlias', {
        code: 'InvalidRequestException',
      });
    }
    return account.seed({ thingName, roleAlias });
  },
};

/**
 * Answers a control request. It needs the token, and a `Host` that names this machine: a web page that a browser here
 * shows has neither.
 */
export async function answerControl(
  context: ControlContext,
  request: ApiRequest,
): Promise<Response> {
  const { authorization = '', host = '' } = request.headers;
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host))
    return respond(403, { message: 'wrong Host' });
  if (!isSame(authorization, `Bearer ${context.controlToken}`)) {
    return respond(401, { message: 'the bearer token is missing or wrong' });
  }
  const name = `${request.method} ${request.path.slice(CONTROL_PREFIX.length)}`;
  const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  if (handler === undefined) {
    return respond(404, { message: `known are ${Object.keys(HANDLERS).join(', ')}` });
  }
  try {
    return respond(200, await handler(context, parse(request.body)));
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    return respond(400, { code: error.code, message: error.message });
  }
}

function parse(body: Buffer): unknown {
  const value = body.length === 0 ? {} : parseJson(body.toString('utf8'));
  if (value !== undefined) return value;
  throw new EmulatorError('the body is not JSON', { code: 'ERR_FAULT' });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function respond(status: number, body: unknown): Response {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
