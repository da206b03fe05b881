import type { ServerResponse } from 'node:http';
import { toPrintableJson } from '../../json.ts';
import type { RequestHistory } from '../request-history.ts';
import type { RequestBatch } from './answers.ts';

/** How often a reader gets a batch at most, in milliseconds. */
const BATCH_MS = 100;
/** The largest batch: what a busy emulator sends is limited, whatever it receives. */
const MAX_BATCH = 250;
/** How often a comment is sent, in milliseconds: a write to a connection that is gone ends the stream. */
const COMMENT_MS = 15_000;

/**
 * Sends the requests after a sequence number, and then each that is recorded, as server-sent events: batches, the
 * first of them at once. A reader that is too slow gets the latest requests, and the number of those left out.
 */
export function streamRequests(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  history: RequestHistory,
  after: number,
): void {
  let last = after;
  let timer: NodeJS.Timeout | undefined;
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });

  const sendBatch = () => {
    timer = undefined;
    if (response.writableNeedDrain) return;
    const waiting = history.after(last);
    const requests = waiting.slice(-MAX_BATCH);
    const newest = requests.at(-1)?.sequence ?? last;
    const batch: RequestBatch = { requests, dropped: newest - last - requests.length };
    last = newest;
    response.write(`data: ${toPrintableJson(batch)}\n\n`);
  };
  const schedule = () => {
    timer ??= setTimeout(sendBatch, BATCH_MS).unref();
  };

  sendBatch();
  const unwatch = history.watch(schedule);
  const comments = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, COMMENT_MS).unref();
  response.on('drain', schedule);
  response.once('close', () => {
    unwatch();
    clearTimeout(timer);
    clearInterval(comments);
  });
}
