import type { Counters, RequestRecord } from '../http/request-record.ts';
import { openRequestLog } from './request-log.ts';

/** The requests of clients. */
export interface Requests {
  /** The latest requests, oldest first; at most 10 000. A live list. */
  readonly latest: readonly RequestRecord[];
  /** The number of requests since the start. */
  readonly counters: Counters;
}

/** The request history and its recorder. */
export interface RequestHistory extends Requests {
  record(request: RequestRecord): void;
  close(): void;
}

const MAX_RECORDS = 10_000;

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
  return {
    latest,
    counters,
    record(request) {
      latest.push(request);
      if (latest.length > MAX_RECORDS) latest.shift();
      const statuses = counters[request.endpoint];
      statuses[request.status] = (statuses[request.status] ?? 0) + 1;
      log?.write(request);
    },
    close: () => log?.close(),
  };
}
