import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Account } from '../account/account.ts';
import { type ApiAnswer, answerApi } from '../api/router.ts';
import type { RequestRecord } from '../http/request-record.ts';
import type { State } from '../state/state.ts';
import { answerControl, CONTROL_PREFIX, type ControlContext } from './control.ts';
import { readApiRequest } from './read-request.ts';
import { send, withDate } from './send.ts';

/** The dependencies of the server of the AWS APIs. */
export interface ApiServerContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider, once it listens. */
  readonly credentialsEndpoint: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly control: ControlContext;
  readonly record: (request: RequestRecord) => void;
}

/** Creates the server of the AWS APIs: HTTP with signed requests. */
export function createApiServer(context: ApiServerContext): Server {
  return createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const { response: given, ...known } = await answer(context, request);
    const path = url.split('?')[0] ?? '';
    const timeMs = context.now();
    context.record({ timeMs, endpoint: 'api', method, path, ...known, status: given.status });
    send(response, withDate(given, timeMs));
  });
}

async function answer(context: ApiServerContext, request: IncomingMessage): Promise<ApiAnswer> {
  const read = await readApiRequest(request);
  if (read === undefined) {
    return { response: { status: 413, headers: { connection: 'close' }, body: '' } };
  }
  const { state, account } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  try {
    if (read.path.startsWith(CONTROL_PREFIX)) {
      return { response: await answerControl(context.control, read) };
    }
    return await answerApi({ state, account, credentialsEndpoint, nowMs: context.now() }, read);
  } catch {
    // A bug must not stop the emulator; the content of the request is not shown.
    const headers = { 'x-amzn-ErrorType': 'InternalFailureException' };
    return { response: { status: 500, headers, body: '{"message":"the emulator failed"}' } };
  }
}
