import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NewRequestRecord, RequestRecord } from '../http/request-record.ts';
import { respondJson } from '../http/response.ts';
import { send } from './send.ts';

/** Where defects are recorded. */
interface Recorder {
  readonly record: (request: NewRequestRecord) => void;
}

/**
 * Writes an unexpected exception, a defect of the emulator, to stderr, and returns its text for the record of the
 * request.
 */
export function reportDefect(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`awsiot-credentialhelper-emulator: unexpected error: ${text}\n`);
  return text;
}

/** Handles a request; an unexpected exception is reported, recorded, and answered with status 500. */
export async function handleRequest(
  { record }: Recorder,
  endpoint: RequestRecord['endpoint'],
  request: IncomingMessage,
  response: ServerResponse,
  handle: () => Promise<void>,
): Promise<void> {
  try {
    await handle();
  } catch (error) {
    const { method = '', url = '' } = request;
    const path = url.split('?')[0] ?? '';
    recordDefect({ record }, { endpoint, method, path }, error);
    if (response.headersSent) response.destroy();
    else {
      const message = 'the emulator failed: see its stderr, or its log';
      send(response, respondJson(500, { message }, 'InternalFailureException'));
    }
  }
}

/** Handles an event of a connection; an unexpected exception is reported and recorded, and returned. */
export function handleConnection({ record }: Recorder, handle: () => void): Error | undefined {
  try {
    handle();
    return undefined;
  } catch (error) {
    recordDefect({ record }, { endpoint: 'credentials', method: '', path: '' }, error);
    return error instanceof Error ? error : new Error(String(error));
  }
}

function recordDefect(
  { record }: Recorder,
  request: Pick<RequestRecord, 'endpoint' | 'method' | 'path'>,
  error: unknown,
): void {
  // The emulator's own clock may be what failed.
  record({ timeMs: Date.now(), ...request, status: 500, error: reportDefect(error) });
}
