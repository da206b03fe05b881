import type { IncomingMessage, ServerResponse } from 'node:http';
import { EmulatorError } from '../../errors.ts';
import type { ApiRequest } from '../../http/request.ts';
import type { Response } from '../../http/response.ts';
import { toPrintableJson } from '../../json.ts';
import { send } from '../send.ts';
import { readConsoleFile } from './files.ts';
import { isAuthorized, SECURITY_HEADERS, whyForeign } from './guard.ts';
import { type ControlContext, HANDLERS } from './handlers.ts';
import { readBody, readNumber } from './input.ts';
import { streamRequests } from './stream.ts';

/** The path prefix of control requests. */
export const CONTROL_PREFIX = '/_emulator/';
/** The path of the console. */
export const CONSOLE_PATH = '/_emulator/console/';

const STREAM = 'GET requests/stream';

/**
 * Responds to a control request, or with a file of the console, and returns the status. Both require a `Host` and an
 * `Origin` of this machine, and control requests the token: web pages in a local browser have neither. The files of
 * the console contain no data.
 */
export async function serveControl(
  context: ControlContext,
  request: IncomingMessage,
  read: ApiRequest,
  response: ServerResponse,
): Promise<number> {
  const answer = await respond(context, request, read, response);
  if (answer === 'a stream') return 200;
  const { status, headers, body } = answer;
  send(response, { status, headers: { ...SECURITY_HEADERS, ...headers }, body });
  return status;
}

async function respond(
  context: ControlContext,
  request: IncomingMessage,
  read: ApiRequest,
  response: ServerResponse,
): Promise<Response | 'a stream'> {
  const problem = whyForeign(request.headers, request.socket.localPort, context.reach);
  if (problem !== undefined) return json(403, { message: problem });
  if (read.isTooLarge) return { status: 413, headers: { connection: 'close' }, body: '' };
  if (`${read.path}/` === CONSOLE_PATH) {
    return { status: 308, headers: { location: CONSOLE_PATH }, body: '' };
  }
  if (read.path.startsWith(CONSOLE_PATH)) {
    const file = await readConsoleFile(read.path.slice(CONSOLE_PATH.length));
    return file ?? json(404, { message: 'there is no such file' });
  }
  if (!isAuthorized(request.headers, context.controlToken)) {
    return json(401, { message: 'the bearer token is missing or wrong' });
  }
  try {
    if (`${read.method} ${read.path.slice(CONTROL_PREFIX.length)}` === STREAM) {
      const after = readNumber(read.query, 'after', { fallback: 0 });
      streamRequests(response, SECURITY_HEADERS, context.history, after);
      return 'a stream';
    }
    return await handle(context, read);
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    const status = error.code === 'ResourceNotFoundException' ? 404 : 400;
    return json(status, { code: error.code, message: error.message });
  }
}

async function handle(context: ControlContext, request: ApiRequest): Promise<Response> {
  const { method, path, query, body } = request;
  const [resource = '', name, ...rest] = path.slice(CONTROL_PREFIX.length).split('/');
  const key = `${method} ${resource}${name === undefined ? '' : '/NAME'}`;
  const handler = rest.length > 0 ? undefined : HANDLERS.get(key);
  if (handler === undefined) {
    const known = [...HANDLERS.keys(), STREAM].sort().join(', ');
    return json(404, { message: `expected one of ${known}` });
  }
  const input = { name: decode(name), query, body: readBody(body) };
  return json(200, await handler(context, input));
}

function decode(segment = ''): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new EmulatorError('the path is not encoded as a URL', {
      code: 'InvalidRequestException',
      cause,
    });
  }
}

function json(status: number, body: unknown): Response {
  return { status, headers: { 'content-type': 'application/json' }, body: toPrintableJson(body) };
}
