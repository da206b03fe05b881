import { readFileSync } from 'node:fs';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { isObject, parseJson } from '../../json.ts';

const MINUTE_MS = 60_000;

/** The AWS CLI and boto3 request new credentials 15 minutes before they expire. */
const LEAST_LIFE_MS = 15 * MINUTE_MS;

/** The credentials in a file of the cache, if they are valid for long enough. */
export function readCache(file: string): TemporaryCredentials | undefined {
  const entry = readEntry(file);
  if (!isObject(entry)) return undefined;
  const { accessKeyId, secretAccessKey, sessionToken, expiration, fetched } = entry;
  const texts = [accessKeyId, secretAccessKey, sessionToken, expiration, fetched];
  if (!texts.every((text) => typeof text === 'string' && text !== '')) return undefined;
  const [fetchedMs, endsMs] = [Date.parse(String(fetched)), Date.parse(String(expiration))];
  const leastMs = Math.min(LEAST_LIFE_MS, (endsMs - fetchedMs) / 2);
  const nowMs = Date.now();
  // A clock that was set back since then says nothing about their life.
  if (!(nowMs >= fetchedMs && endsMs - nowMs > leastMs)) return undefined;
  return {
    accessKeyId: String(accessKeyId),
    secretAccessKey: String(secretAccessKey),
    sessionToken: String(sessionToken),
    expiration: new Date(endsMs),
  };
}

/** The JSON in a file of the cache; undefined if there is none. */
export function readEntry(file: string): unknown {
  try {
    return parseJson(readFileSync(file));
  } catch {
    return undefined;
  }
}
