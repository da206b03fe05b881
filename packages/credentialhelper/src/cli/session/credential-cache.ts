import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, parseJson } from '../../json.ts';
import { tryLock } from '../../pins/lock.ts';
import { loadKoffi } from '../../pkcs11/koffi.ts';
import { monotonicMs, sleep } from '../../process/timers.ts';
import { makeCacheFolder } from '../cache-folder.ts';

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

const LOCK_POLL_MS = 20;

/** After this time, a temporary file was left behind by a process that was killed. */
const STALE_MS = MINUTE_MS;

/**
 * Credentials that processes of this user share, in a folder that belongs to this user alone.
 *
 * Credentials are used while more than 15 minutes are left, or more than half of their lifetime if that is shorter. Of the
 * processes that find none, one fetches them, and the others wait for it. Without koffi, or a folder, each fetches its own.
 *
 * @param identity - what the credentials depend on
 * @param limitMs - how long to wait for another process, in milliseconds
 */
export async function cachedCredentials(
  identity: readonly unknown[],
  limitMs: number,
  fetch: () => Promise<CachedCredentials>,
): Promise<CachedCredentials> {
  const folder = makeCacheFolder('credentials');
  if (folder === undefined) return fetch();
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  const file = join(folder, `${name}.json`);
  const present = readCache(file);
  if (present !== undefined) return present;
  const release = await lock(join(folder, `${name}.lock`), limitMs);
  try {
    const written = readCache(file);
    if (written !== undefined) return written;
    const fetched = await fetch();
    writeCache(folder, file, fetched);
    return fetched;
  } finally {
    release();
  }
}

async function lock(file: string, limitMs: number): Promise<() => void> {
  const endMs = monotonicMs() + limitMs;
  const koffi = await loadKoffi().catch(() => undefined);
  if (koffi === undefined) return () => {};
  for (;;) {
    try {
      const release = tryLock(koffi, file);
      if (release !== undefined) return release;
    } catch {
      return () => {};
    }
    if (monotonicMs() > endMs) return () => {};
    await sleep(LOCK_POLL_MS);
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

function readEntry(file: string): unknown {
  try {
    return parseJson(readFileSync(file));
  } catch {
    return undefined;
  }
}

function writeCache(folder: string, file: string, credentials: CachedCredentials): void {
  try {
    removeStale(folder);
    const temporary = `${file}.${process.pid}`;
    const entry = { ...credentials, fetched: new Date() };
    writeFileSync(temporary, JSON.stringify(entry), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, file);
  } catch {
    // A full disk or a folder without write access: the next process fetches its own.
  }
}

function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!/\.json\.\d+$/.test(name)) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS) rmSync(path, { force: true });
  }
}
