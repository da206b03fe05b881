import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Account } from '../account/account.ts';
import { type ApiAnswer, answerApi, findRoute, replaceAnswer } from '../api/router.ts';
import { describeEffect } from '../faults/effect.ts';
import type { Fault } from '../faults/fault.ts';
import type { FaultPlan } from '../faults/faults.ts';
import type { ApiRequest } from '../http/request.ts';
import type { NewRequestRecord } from '../http/request-record.ts';
import type { State } from '../state/state.ts';
import type { ControlContext } from './control/handlers.ts';
import { CONSOLE_PATH, CONTROL_PREFIX, serveControl } from './control/serve.ts';
import { handleRequest, reportDefect } from './defects.ts';
import { durationOf } from './elapsed.ts';
import { readApiRequest } from './read-request.ts';
import { send, sendWithFault, withDate } from './send.ts';

/** The dependencies of the server of the AWS APIs. */
export interface ApiServerContext {
  readonly state: State;
  readonly account: Account;
  /** `host:port` of the credential provider, once it listens. */
  readonly credentialsEndpoint: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly faults: FaultPlan;
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
      const read = await readApiRequest(request);
      if (read === undefined) return;
      const { method = '' } = request;
      const { path } = read;
      const recordAt: RecordAt = (timeMs, known, fault) => {
        const durationMs = durationOf(startMs, fault);
        const faulty = fault && { fault: true, faultEffect: describeEffect(fault) };
        context.record({ timeMs, durationMs, endpoint: 'api', method, path, ...known, ...faulty });
      };
      if (path.startsWith(CONTROL_PREFIX)) {
        const status = await serveControl(context.control, request, read, response);
        if (!isFromConsole(request, path)) recordAt(context.now(), { status });
        return;
      }
      await serveApi(context, read, response, recordAt);
    }),
  );
}

type Known = Pick<NewRequestRecord, 'status' | 'operation' | 'callerArn' | 'error'>;
type RecordAt = (timeMs: number, known: Known, fault?: Fault) => void;

async function serveApi(
  context: ApiServerContext,
  read: ApiRequest,
  response: ServerResponse,
  recordAt: RecordAt,
): Promise<void> {
  const { answer, fault } = await answerWithFault(context, read);
  const { response: given, defect, ...known } = answer;
  const error = defect && reportDefect(defect.error);
  // The emulator's own clock may be what failed.
  const timeMs = defect === undefined ? context.now() : Date.now();
  recordAt(timeMs, { ...known, status: given.status, error }, fault);
  const dated = withDate(given, timeMs);
  if (fault === undefined) send(response, dated);
  else await sendWithFault(response, dated, fault, response.socket ?? undefined);
}

async function answerWithFault(
  context: ApiServerContext,
  read: ApiRequest,
): Promise<{ readonly answer: ApiAnswer; readonly fault?: Fault | undefined }> {
  const route = findRoute(read);
  const { service } = route;
  if (service !== undefined && read.isTooLarge) {
    return { answer: { response: { status: 413, headers: { connection: 'close' }, body: '' } } };
  }
  const fault = service && context.faults.forService(service.prefix, context.now);
  const { response, requestsPerSecond } = fault ?? {};
  if (service !== undefined && (response ?? requestsPerSecond) !== undefined) {
    return { answer: replaceAnswer(read, service, response), fault };
  }
  const { state, account, now } = context;
  const credentialsEndpoint = context.credentialsEndpoint();
  const answer = await answerApi({ state, account, credentialsEndpoint, now }, read, route);
  return { answer, fault };
}

/** The console shows the requests of others: its own are not recorded. Only browsers send `Sec-Fetch-Site`. */
function isFromConsole({ headers }: IncomingMessage, path: string): boolean {
  return path.startsWith(CONSOLE_PATH) || headers['sec-fetch-site'] === 'same-origin';
}
