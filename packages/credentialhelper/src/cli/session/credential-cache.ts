import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ERROR_CODES, type ErrorCode } from '../../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../../errors.ts';
import { isObject, parseJson } from '../../json.ts';
import { makeCacheFolder } from '../cache-folder.ts';
import { lockFile } from '../lock-file.ts';
import { replaceFile } from '../replace-file.ts';
import { showWaiting } from '../waiting.ts';

/** Credentials in the cache. */
export interface CachedCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

const MINUTE_MS = 60_000;

/** The AWS CLI and boto3 request new credentials 15 minutes before they expire. */
const LEAST_LIFE_MS = 15 * MINUTE_MS;

/** More than the longest lifetime of credentials, which is 12 hours. */
const LONGEST_LIFE_MS = 24 * 60 * MINUTE_MS;

/** How long a failure counts for processes that did not wait for it: many that start together do not all try. */
const FAILURE_MS = 2000;

/**
 * Credentials that processes of this user share, in a folder that belongs to this user alone.
 *
 * Credentials are used while more than 15 minutes are left, or more than half of their lifetime if that is shorter. Of the
 * processes that find none, one fetches them, and the others wait for it; if it fails, so do they, and those that start in
 * the next two seconds. Without koffi, or a folder, each fetches its own.
 *
 * @param identity - what the credentials depend on
 * @param limitMs - how long to wait for another process, in milliseconds
 */
export async function cachedCredentials(
  identity: readonly unknown[],
  limitMs: number,
  fetch: () => Promise<CachedCredentials>,
): Promise<CachedCredentials> {
  const startMs = Date.now();
  const folder = makeCacheFolder('credentials');
  if (folder === undefined) return fetch();
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  const file = join(folder, `${name}.json`);
  const failureFile = join(folder, `${name}.failure.json`);
  const present = readCache(file);
  if (present !== undefined) return present;
  const lock = await showWaiting(
    lockFile(join(folder, `${name}.lock`), limitMs),
    () => 'waiting for another process that fetches the credentials …',
  );
  try {
    const written = readCache(file);
    if (written !== undefined) return written;
    const failure = lock.isHeld ? readFailure(failureFile, startMs) : undefined;
    if (failure !== undefined) throw failure;
    const fetched = await fetch().catch(async (error: unknown) => {
      if (lock.isHeld && isCredentialHelperError(error)) {
        const { code, message, hint } = error;
        await write(failureFile, { code, message, hint, failed: new Date() }, lock.isHeld);
      }
      throw error;
    });
    await write(file, { ...fetched, fetched: new Date() }, lock.isHeld);
    return fetched;
  } finally {
    lock.release();
  }
}

function readCache(file: string): CachedCredentials | undefined {
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

/** The failure of another process, if it is recent, or if this process waited for it. */
function readFailure(file: string, startMs: number): CredentialHelperError | undefined {
  const entry = readEntry(file);
  if (!isObject(entry)) return undefined;
  const { code, message, hint, failed } = entry;
  const failedMs = Date.parse(String(failed));
  const nowMs = Date.now();
  if (!(failedMs <= nowMs && failedMs >= Math.min(startMs, nowMs - FAILURE_MS))) return undefined;
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return undefined;
  return new CredentialHelperError(String(message), {
    code: code as ErrorCode,
    hint: typeof hint === 'string' ? hint : undefined,
  });
}

function readEntry(file: string): unknown {
  try {
    return parseJson(readFileSync(file));
  } catch {
    return undefined;
  }
}

async function write(file: string, entry: object, isLocked: boolean): Promise<void> {
  try {
    await replaceFile(file, Buffer.from(JSON.stringify(entry)), { isLocked });
    removeOld(dirname(file));
  } catch {
    // A full disk or a folder without write access: the next process fetches its own.
  }
}

/** Removes entries of certificates that are no longer used. */
function removeOld(folder: string): void {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.json'))) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > LONGEST_LIFE_MS) {
      rmSync(path, { force: true });
    }
  }
}
