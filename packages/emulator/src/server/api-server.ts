import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Account } from '../account/account.ts';
import { type ApiAnswer, answerApi, findService } from '../api/router.ts';
import type { ApiRequest } from '../http/request.ts';
import type { NewRequestRecord } from '../http/request-record.ts';
import type { State } from '../state/state.ts';
import type { ControlContext } from './control/handlers.ts';
import { CONSOLE_PATH, CONTROL_PREFIX, serveControl } from './control/serve.ts';
import { handleRequest, reportDefect } from './defects.ts';
import { elapsedMs } from './elapsed.ts';
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
  readonly record: (request: NewRequestRecord) => void;
}

/** How long an idle connection stays open: clients that reuse one later than the 5 s of Node.js would be reset. */
const KEEP_ALIVE_MS = 60_000;

/** Creates the server of the AWS APIs: HTTP with signed requests. It also serves control requests and the console. */
export function createApiServer(context: ApiServerContext): Server {
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
    handleRequest(context, 'api', request, response, async () => {
      const startMs = performance.now();
      const { method = '', url = '' } = request;
      const path = url.split('?')[0] ?? '';
      const read = await readApiRequest(request);
      if (read === undefined) return;
      const recordAt = (timeMs: number, known: Known) => {
        const durationMs = elapsedMs(startMs);
        context.record({ timeMs, durationMs, endpoint: 'api', method, path, ...known });
      };
      if (path.startsWith(CONTROL_PREFIX)) {
        const status = await serveControl(context.control, request, read, response);
        if (!isFromConsole(request, path)) recordAt(context.now(), { status });
        return;
      }
      const { response: given, defect, ...known } = await answer(context, read);
      const error = defect && reportDefect(defect.error);
      // The emulator's own clock may be what failed.
      const timeMs = defect === undefined ? context.now() : Date.now();
      recordAt(timeMs, { ...known, status: given.status, error });
      send(response, withDate(given, timeMs));
    }),
  );
}

type Known = Pick<NewRequestRecord, 'status' | 'operation' | 'callerArn' | 'error'>;

async function answer(context: ApiServerContext, read: ApiRequest): Promise<ApiAnswer> {
  if (read.isTooLarge && findService(read) !== undefined) {
    return { response: { status: 413, headers: { connection: 'close' }, body: '' } };
  }
  const { state, account, now } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  return answerApi({ state, account, credentialsEndpoint, now }, read);
}

/** The console shows the requests of others: its own are not recorded. Only browsers send `Sec-Fetch-Site`. */
function isFromConsole({ headers }: IncomingMessage, path: string): boolean {
  return path.startsWith(CONSOLE_PATH) || headers['sec-fetch-site'] === 'same-origin';
}
