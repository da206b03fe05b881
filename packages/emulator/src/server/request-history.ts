import type { Counters, NewRequestRecord, RequestRecord } from '../http/request-record.ts';
import { openRequestLog } from './request-log.ts';

/** The requests of clients. */
export interface Requests {
  /** The latest requests, oldest first; at most 10 000, with texts of at most 1024 characters (stacks: 8192). A live list. */
  readonly latest: readonly RequestRecord[];
  /** The number of requests since the start. */
  readonly counters: Counters;
}

/** The request history and its recorder. */
export interface RequestHistory extends Requests {
  record(request: NewRequestRecord): void;
  /** Returns the kept requests after a sequence number, oldest first. */
  after(sequence: number): readonly RequestRecord[];
  /** Calls a function after each record, until the returned function is called. */
  watch(listener: () => void): () => void;
  close(): void;
}

/** The number of requests that are kept: the latest. */
export const MAX_RECORDS = 10_000;

/**
 * Opens an empty history.
 *
 * @param logFile - a file to which each request is also appended, as a line of JSON
 * @throws {@link EmulatorError} `ERR_FILE` if the file cannot be opened
 */
export function openRequestHistory(logFile: string | undefined): RequestHistory {
  const log = logFile === undefined ? undefined : openRequestLog(logFile);
  const latest: RequestRecord[] = [];
  const counters: Record<RequestRecord['endpoint'], Record<number, number>> = {
    credentials: {},
    api: {},
  };
  const listeners = new Set<() => void>();
  let sequence = 0;
  return {
    latest,
    counters,
    record(given) {
      sequence += 1;
      const request = { sequence, ...bounded(given) };
      latest.push(request);
      if (latest.length > MAX_RECORDS) latest.shift();
      const statuses = counters[request.endpoint];
      statuses[request.status] = (statuses[request.status] ?? 0) + 1;
      log?.write(request);
      for (const listener of listeners) listener();
    },
    after(last) {
      const first = latest[0]?.sequence ?? 1;
      return latest.slice(Math.max(0, last + 1 - first));
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => log?.close(),
  };
}

const MAX_TEXT = 1024;
/** A stack is not chosen by a client, and cut it would be of little use. */
const MAX_STACK = 8192;

/** A client chooses the length of its path and its headers; the query of a presigned request has its signature. */
function bounded(request: NewRequestRecord): NewRequestRecord {
  const path = request.path.split('?', 1)[0] ?? '';
  const isShort = Object.entries(request).every(
    ([name, value]: [string, unknown]) =>
      typeof value !== 'string' || value.length <= maxLength(name),
  );
  if (isShort && path === request.path) return request;
  const entries = Object.entries({ ...request, path }).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? shorten(value, maxLength(name)) : value,
  ]);
  return Object.fromEntries(entries) as NewRequestRecord;
}

function maxLength(name: string): number {
  return name === 'error' ? MAX_STACK : MAX_TEXT;
}

function shorten(text: string, length: number): string {
  // A mere slice would keep the whole text in memory.
  const copy = Buffer.from(text.slice(0, length), 'utf16le').toString('utf16le');
  return text.length > length ? `${copy}…` : copy;
}
