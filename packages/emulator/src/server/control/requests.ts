import type { RequestRecord } from '../../http/request-record.ts';
import { MAX_RECORDS, type RequestHistory } from '../request-history.ts';
import { type Query, readNumber } from './input.ts';

/**
 * Returns the first requests after a sequence number, oldest first: by default all that are kept.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an invalid number
 */
export function listRequests(history: RequestHistory, query: Query): readonly RequestRecord[] {
  const after = readNumber(query, 'after', { fallback: 0 });
  const limit = readNumber(query, 'limit', { least: 1, most: MAX_RECORDS, fallback: MAX_RECORDS });
  return history.after(after).slice(0, limit);
}

const DEFAULT_ISSUED = 100;

/**
 * Returns the latest requests that got credentials, the latest first.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an invalid `limit`
 */
export function listIssued({ latest }: RequestHistory, query: Query): readonly RequestRecord[] {
  const limit = readNumber(query, 'limit', {
    least: 1,
    most: MAX_RECORDS,
    fallback: DEFAULT_ISSUED,
  });
  const found: RequestRecord[] = [];
  for (let index = latest.length - 1; index >= 0 && found.length < limit; index--) {
    const request = latest[index];
    if (request?.issued !== undefined) found.push(request);
  }
  return found;
}
