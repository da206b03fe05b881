import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ERROR_CODES, type ErrorCode } from '../../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../../errors.ts';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { isObject } from '../../json.ts';
import { lockFile } from '../lock-file.ts';
import { removeOld, replaceFile } from '../replace-file.ts';
import { showWaiting } from '../waiting.ts';
import { readCache, readEntry } from './cache-entry.ts';

/** More than the longest lifetime of credentials, which is 12 hours. */
const LONGEST_LIFE_MS = 24 * 60 * 60 * 1000;

/** How long a failure counts for processes that did not wait for it: many that start together do not all try. */
const FAILURE_MS = 2000;

/** Failures that other processes do not share: each reads the files and secrets itself, and they may have been corrected. */
const LOCAL_FAILURES: readonly ErrorCode[] = [
  'ERR_INVALID_OPTION',
  'ERR_OUT_OF_RESOURCES',
  'ERR_FILE_UNREADABLE',
  'ERR_CERTIFICATE_INVALID',
  'ERR_CA_INVALID',
  'ERR_PRIVATE_KEY_INVALID',
  'ERR_PASSPHRASE_REQUIRED',
  'ERR_PASSPHRASE_WRONG',
  'ERR_KEY_CERTIFICATE_MISMATCH',
  'ERR_SECRET_SOURCE',
  'ERR_PIN_REQUIRED',
  'ERR_PIN_INCORRECT',
];

/** What processes share. */
export interface Shared {
  /** The name of the credentials, from {@link cacheName}. */
  readonly name: string;
  /** The same for a failure, which all settings may have caused. */
  readonly failureName: string;
  /** What the name would be now: a certificate may be replaced while credentials are fetched. */
  readonly nameNow: () => string | undefined;
}

/** The name of an entry of the cache: a digest of what it depends on. */
export function cacheName(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

/**
 * Credentials that processes of this user share, in a folder that belongs to this user alone.
 *
 * Credentials are used while more than 15 minutes are left, or more than half of their lifetime if that is shorter. Of the
 * processes that find none, one fetches them, and the others wait for it; if service, network or token fail it, so do
 * those with the same settings, and those that start in the next two seconds. Without koffi each fetches its own.
 *
 * @param folder - of this user alone
 * @param limitMs - how long to wait for another process, in milliseconds
 */
export async function cachedCredentials(
  folder: string,
  { name, failureName, nameNow }: Shared,
  limitMs: number,
  fetch: () => Promise<TemporaryCredentials>,
): Promise<TemporaryCredentials> {
  const startMs = Date.now();
  const file = join(folder, `${name}.json`);
  const failureFile = join(folder, `${failureName}.failure.json`);
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
      if (lock.isHeld && isCredentialHelperError(error) && !LOCAL_FAILURES.includes(error.code)) {
        const { code, message, hint } = error;
        await writeEntry(failureFile, { code, message, hint, failed: new Date() }, lock.isHeld);
      }
      throw error;
    });
    if (nameNow() === name) {
      await writeEntry(file, { ...fetched, fetched: new Date() }, lock.isHeld);
    }
    return fetched;
  } finally {
    lock.release();
  }
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

/** Replaces a file of the cache, unless the disk is full or it cannot be written: then the next process does without. */
export async function writeEntry(file: string, entry: object, isLocked: boolean): Promise<void> {
  try {
    await replaceFile(file, Buffer.from(JSON.stringify(entry)), { isLocked });
    // Of certificates that are no longer used, and what processes left that were killed.
    const folder = dirname(file);
    const entries = readdirSync(folder).filter((name) => /\.(json|tmp)$/.test(name));
    removeOld(folder, entries, LONGEST_LIFE_MS);
  } catch {
    // A full disk, or a folder without write access.
  }
}
