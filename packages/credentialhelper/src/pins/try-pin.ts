import { realpathSync } from 'node:fs';
import { CredentialHelperError, isPinRejection, resourceHint } from '../errors.ts';
import type { Secret } from '../identity/secret.ts';
import type { Koffi } from '../pkcs11/koffi.ts';
import type { LibraryLocation } from '../pkcs11/library-location.ts';
import type { TokenInfo } from '../pkcs11/pkcs11.ts';
import { monotonicMs, sleep } from '../process/timers.ts';
import { makeFolder, runtimeFolder } from './folders.ts';
import { tryLock } from './lock.ts';
import {
  type FolderRecords,
  folderRecords,
  type PinRecord,
  type PinRecords,
  processRecords,
} from './records.ts';

/** A PIN to try. */
export interface PinAttempt {
  readonly koffi: Koffi;
  /** Identifies the token; see {@link tokenIdentity}. */
  readonly token: string;
  /** The name of the token in messages. */
  readonly tokenName: string;
  readonly pin: Secret;
  /** Folder for records that survive a restart of the system. */
  readonly stateFolder: string | undefined;
  /** How long to wait while other processes try a PIN of this token, in milliseconds. */
  readonly waitMs: number;
  /** Called if a rejection cannot be stored in `stateFolder`. */
  readonly warn: (message: string) => void;
}

/**
 * How long a PIN is not tried again after a try without a response, in milliseconds; doubled after each further try.
 */
const UNANSWERED_WAIT_MS = 10 * 60_000;

/** The identity of a token: all NSS databases have the same manufacturer, model and serial number. */
export function tokenIdentity(
  { library, libraryParameters }: LibraryLocation,
  { manufacturer, model, serial, label }: TokenInfo,
): string {
  const path = realpathSync(library);
  return JSON.stringify([path, libraryParameters ?? null, manufacturer, model, serial, label]);
}

/**
 * Logs in with a PIN, unless the token has rejected it before. Lookup, login and record run under one lock per token,
 * across threads and processes: even if many try the same wrong PIN, the token sees it once. A try whose process is
 * killed before the token responds counts.
 *
 * @param login - calls `C_Login` once, at most
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PIN_INCORRECT` and `ERR_PIN_UNANSWERED` without a try;
 * `ERR_TOKEN_TIMEOUT` if other processes take too long; and errors of `login`
 */
export async function tryPin(attempt: PinAttempt, login: () => void): Promise<void> {
  const begin = monotonicMs();
  while (!tryPinNow(attempt, login)) {
    assertTimeLeft(attempt, begin);
    await sleep(pauseMs());
  }
}

/** Same as {@link tryPin}, but synchronous: it blocks the thread. */
export function tryPinSync(attempt: PinAttempt, login: () => void): void {
  const begin = monotonicMs();
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!tryPinNow(attempt, login)) {
    assertTimeLeft(attempt, begin);
    Atomics.wait(nobody, 0, 0, pauseMs());
  }
}

/** Deletes the records of a token after it was initialized, or its PIN was set. */
export function forgetPins(token: string, stateFolder: string | undefined): void {
  processRecords.forget(token);
  for (const open of recordFolders(stateFolder)) {
    try {
      folderRecords(open()).forget(token);
    } catch {
      // A folder that cannot be used has no records.
    }
  }
}

const pauseMs = () => 5 + Math.random() * 20;

function assertTimeLeft({ waitMs, tokenName }: PinAttempt, begin: number): void {
  if (monotonicMs() - begin < waitMs) return;
  throw new CredentialHelperError(
    `other processes have been logging in to ${tokenName} for ${waitMs} ms`,
    { code: 'ERR_TOKEN_TIMEOUT', hint: 'try again later; a login in one of them may hang' },
  );
}

/** @returns false if the lock is held elsewhere */
function tryPinNow(attempt: PinAttempt, login: () => void): boolean {
  const problems: string[] = [];
  for (const open of recordFolders(attempt.stateFolder)) {
    let records: FolderRecords;
    let release: (() => void) | undefined;
    try {
      records = folderRecords(open());
      release = tryLock(attempt.koffi, records.lockFileOf(attempt.token));
    } catch (error) {
      problems.push((error as Error).message);
      continue;
    }
    if (release === undefined) return false;
    try {
      if (guardedLogin(attempt, login, records, problems)) return true;
    } finally {
      release();
    }
  }
  guardedLogin(attempt, login, processRecords, problems);
  return true;
}

/** The record folders in order of preference; each is created when it is opened. */
function recordFolders(stateFolder: string | undefined): readonly (() => string)[] {
  if (stateFolder === undefined) return [runtimeFolder];
  const openState = () => {
    makeFolder(stateFolder);
    return stateFolder;
  };
  return [openState, runtimeFolder];
}

/** @returns false if the records cannot be written: the PIN was not tried */
function guardedLogin(
  attempt: PinAttempt,
  login: () => void,
  records: PinRecords | FolderRecords,
  problems: string[],
): boolean {
  const { token, pin, stateFolder, warn } = attempt;
  const before = readRecord(attempt, records);
  assertMayTry(attempt, before, records);
  const tries = (before?.tries ?? 0) + 1;
  const tried: PinRecord = { state: 'tried', at: Date.now(), tries, message: '' };
  try {
    records.write(token, pin, tried);
  } catch (error) {
    problems.push((error as Error).message);
    return false;
  }
  // If this cannot be written, the recorded attempt still counts.
  const remember = (record: PinRecord | undefined) => {
    try {
      records.write(token, pin, record);
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  try {
    login();
  } catch (error) {
    // The token was not called, or returned another error: that is not a try.
    if (!isPinRejection(error)) remember(before);
    else remember({ ...tried, state: 'rejected', message: error.message });
    if (isPinRejection(error) && problems.length > 0 && stateFolder !== undefined) {
      warn(`cannot remember in ${stateFolder} that the token rejected the PIN: ${problems[0]}`);
    }
    throw error;
  }
  remember(undefined);
  processRecords.write(token, pin, { ...tried, state: 'accepted' });
  return true;
}

/** Reads the record of a PIN; if that fails, the PIN is not tried. */
function readRecord(
  { token, tokenName, pin }: PinAttempt,
  records: PinRecords | FolderRecords,
): PinRecord | undefined {
  try {
    return records.read(token, pin);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const resource = resourceHint(code);
    const file = 'fileOf' in records ? records.fileOf(token, pin) : 'the memory of this process';
    throw new CredentialHelperError(
      `the record of this PIN for ${tokenName} cannot be read, so the PIN was not tried: ${code}`,
      {
        code: resource === undefined ? 'ERR_FILE_UNREADABLE' : 'ERR_OUT_OF_RESOURCES',
        cause,
        hint: resource ?? `check ${file}, and remove it if it does not belong to this package`,
      },
    );
  }
}

function assertMayTry(
  { token, tokenName, pin }: PinAttempt,
  before: PinRecord | undefined,
  records: PinRecords | FolderRecords,
): void {
  if (before === undefined || before.state === 'accepted') return;
  const at = new Date(before.at).toISOString();
  const retry =
    'fileOf' in records ? `delete ${records.fileOf(token, pin)}` : 'restart this process';
  if (before.state === 'rejected') {
    throw new CredentialHelperError(
      `${tokenName} rejected this PIN on ${at}, so it was not tried again: ${before.message}`,
      {
        code: 'ERR_PIN_INCORRECT',
        hint: `correct the PIN; if the token's PIN has been set to this one since, ${retry}`,
      },
    );
  }
  // A PIN that this process knows to be correct is tried again at once.
  if (processRecords.read(token, pin)?.state === 'accepted') return;
  const now = Date.now();
  const retryAt = Math.min(before.at, now) + UNANSWERED_WAIT_MS * 2 ** (before.tries - 1);
  if (now >= retryAt) return;
  // The clock was set back: the delay starts again.
  if (before.at > now) records.write(token, pin, { ...before, at: now });
  throw new CredentialHelperError(
    `a login to ${tokenName} with this PIN was interrupted on ${at} before the token answered; it may have counted as a try, so the PIN is not tried again before ${new Date(retryAt).toISOString()}`,
    {
      code: 'ERR_PIN_UNANSWERED',
      hint: `check that the PIN is correct and that the token responds; to try at once, ${retry}`,
    },
  );
}
