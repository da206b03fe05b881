import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../faults/fault.ts';
import type { Response } from '../http/response.ts';
import { memoize } from '../memo.ts';

/** Sends a response unchanged. */
export function send(response: ServerResponse, { status, headers, body }: Response): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Adds the emulator's time to a response, unless a fault sets the header. */
export function withDate(response: Response, nowMs: number): Response {
  const isDated = Object.keys(response.headers).some((name) => /^date$/i.test(name));
  if (isDated) return response;
  const date = httpDate(String(Math.floor(nowMs / 1000)));
  return { ...response, headers: { ...response.headers, date } };
}

/** The text of a time in epoch seconds: that of many responses. */
const httpDate = memoize(10, (seconds) => new Date(Number(seconds) * 1000).toUTCString());

const SLOW_PARTS_PER_SECOND = 10;

/**
 * Sends a response with a fault applied.
 *
 * @param tcp - the connection below TLS, for a reset
 */
export async function sendWithFault(
  response: ServerResponse,
  answer: Response,
  fault: Fault,
  tcp: Socket | undefined,
): Promise<void> {
  if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false });
  const reset = () => tcp?.resetAndDestroy();
  if (fault.action === 'hang') return;
  if (fault.action === 'reset') {
    reset();
    return;
  }
  const body = Buffer.from(answer.body);
  if (fault.action === undefined && fault.bytesPerSecond === undefined) {
    send(response, answer);
    return;
  }
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  const shown = fault.action === undefined ? body : body.subarray(0, Math.floor(body.length / 2));
  await write(response, shown, fault.bytesPerSecond);
  if (fault.action === undefined) response.end();
  else if (fault.action === 'truncate') response.socket?.end();
  else setImmediate(reset);
}

async function write(
  response: ServerResponse,
  body: Buffer,
  bytesPerSecond: number | undefined,
): Promise<void> {
  const size =
    bytesPerSecond === undefined
      ? body.length
      : Math.max(1, Math.floor(bytesPerSecond / SLOW_PARTS_PER_SECOND));
  for (let sent = 0; sent < body.length && !response.destroyed; sent += size) {
    if (sent > 0) await sleep((size * 1000) / (bytesPerSecond ?? 1), undefined, { ref: false });
    response.write(body.subarray(sent, sent + size));
  }
}
