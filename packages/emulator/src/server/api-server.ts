import { createServer, type Server } from 'node:http';
import type { Account } from '../account/account.ts';
import { type ApiAnswer, answerApi, findService } from '../api/router.ts';
import type { ApiRequest } from '../http/request.ts';
import type { RequestRecord } from '../http/request-record.ts';
import type { State } from '../state/state.ts';
import { answerControl, CONTROL_PREFIX, type ControlContext } from './control.ts';
import { handleRequest, reportDefect } from './defects.ts';
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

/** How long an idle connection stays open: clients that reuse one later than the 5 s of Node.js would be reset. */
const KEEP_ALIVE_MS = 60_000;

/** Creates the server of the AWS APIs: HTTP with signed requests. */
export function createApiServer(context: ApiServerContext): Server {
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
    handleRequest(context, 'api', request, response, async () => {
      const { method = '', url = '' } = request;
      const read = await readApiRequest(request);
      if (read === undefined) return;
      const { response: given, defect, ...known } = await answer(context, read);
      const path = url.split('?')[0] ?? '';
      const error = defect && reportDefect(defect.error);
      // The emulator's own clock may be what failed.
      const timeMs = defect === undefined ? context.now() : Date.now();
      const { status } = given;
      context.record({ timeMs, endpoint: 'api', method, path, ...known, status, error });
      send(response, withDate(given, timeMs));
    }),
  );
}

async function answer(context: ApiServerContext, read: ApiRequest): Promise<ApiAnswer> {
  if (read.isTooLarge && findService(read) !== undefined) {
    return { response: { status: 413, headers: { connection: 'close' }, body: '' } };
  }
  if (read.path.startsWith(CONTROL_PREFIX)) {
    return { response: await answerControl(context.control, read) };
  }
  const { state, account, now } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  return answerApi({ state, account, credentialsEndpoint, now }, read);
}
