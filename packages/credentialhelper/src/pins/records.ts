import { createHmac, randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '../identity/secret.ts';
import { isObject, parseJson } from '../json.ts';

/**
 * The record of a PIN of a token: an attempt is in progress, or was when its process was killed; the token rejected it;
 * or it accepted it. The latter is kept only in memory: on a disk it would reveal information about the correct PIN.
 */
export interface PinRecord {
  readonly state: 'tried' | 'rejected' | 'accepted';
  /** Epoch milliseconds. */
  readonly at: number;
  /** The number of tries without a response, including this one. */
  readonly tries: number;
  /** The message of the token's error. */
  readonly message: string;
}

/** A store of {@link PinRecord}s, by keyed hashes of token and PIN. */
export interface PinRecords {
  read(token: string, pin: Secret): PinRecord | undefined;
  /** Writes or removes a record. */
  write(token: string, pin: Secret, record: PinRecord | undefined): void;
  /** Removes all records of a token. */
  forget(token: string): void;
}

/** Records in a folder that is shared by processes. */
export interface FolderRecords extends PinRecords {
  /** The file to delete to try this PIN again. */
  fileOf(token: string, pin: Secret): string;
  /** The lock file for attempts with PINs of this token. */
  lockFileOf(token: string): string;
}

/** The name of a record, with the hash of the token first, so that all its records can be found. */
function recordName(key: Buffer, token: string, pin: Secret): string {
  return `${tokenName(key, token)}-${hash(key, token, pin.reveal())}`;
}

function tokenName(key: Buffer, token: string): string {
  return hash(key, token).slice(0, 16);
}

function hash(key: Buffer, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('hex');
}

/**
 * The records in a folder: one file each, written atomically.
 *
 * @throws an error of `node:fs` from any method if the folder cannot be used
 */
export function folderRecords(folder: string): FolderRecords {
  const key = readKey(folder);
  const fileOf = (token: string, pin: Secret) =>
    join(folder, `pin-${recordName(key, token, pin)}.json`);
  return {
    read(token, pin) {
      const bytes = readIfThere(fileOf(token, pin));
      // An existing file is a rejection, even if its content is damaged.
      return bytes && { state: 'rejected', at: 0, tries: 1, message: '', ...parsed(bytes) };
    },
    write(token, pin, record) {
      const file = fileOf(token, pin);
      if (record === undefined) {
        rmSync(file, { force: true });
        return;
      }
      const temporary = `${file}.${process.pid}`;
      const flush = record.state === 'rejected';
      writeFileSync(temporary, JSON.stringify(record), { mode: 0o600, flush });
      renameSync(temporary, file);
    },
    forget(token) {
      const prefix = `pin-${tokenName(key, token)}-`;
      for (const name of readdirSync(folder)) {
        if (name.startsWith(prefix)) rmSync(join(folder, name), { force: true });
      }
    },
    fileOf,
    lockFileOf: (token) => join(folder, `token-${tokenName(key, token)}.lock`),
  };
}

function parsed(bytes: Uint8Array): Partial<PinRecord> {
  const value = parseJson(bytes);
  return isObject(value) ? value : {};
}

function readKey(folder: string): Buffer {
  const file = join(folder, 'pins.key');
  const present = readIfThere(file);
  if (present !== undefined) return present;
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, randomBytes(32), { mode: 0o600 });
  try {
    // Unless another process has done it.
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary);
  }
  return readFileSync(file);
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The records of a process, in the format for messages to its child processes. */
export interface ProcessRecordsState {
  readonly key: Uint8Array;
  readonly records: ReadonlyMap<string, PinRecord>;
}

/** A new or removed record of a child process, in the format for messages to its parent. */
export interface ProcessRecordChange {
  readonly name: string;
  readonly record?: PinRecord | undefined;
}

let key = randomBytes(32);
let watch: ((change: ProcessRecordChange) => void) | undefined;
const records = new Map<string, PinRecord>();

/** The records in the memory of this process. */
export const processRecords: PinRecords = {
  read: (token, pin) => records.get(recordName(key, token, pin)),
  write(token, pin, record) {
    const change = { name: recordName(key, token, pin), record };
    applyProcessRecord(change);
    watch?.(change);
  },
  forget(token) {
    for (const name of records.keys()) {
      if (name.startsWith(tokenName(key, token))) records.delete(name);
    }
  },
};

/** The records of this process, for a child process. */
export function exportProcessRecords(): ProcessRecordsState {
  return { key, records };
}

/** Calls back after each change of a record. */
export function watchProcessRecords(callback: (change: ProcessRecordChange) => void): void {
  watch = callback;
}

/** Takes the records of the parent process. */
export function importProcessRecords(state: ProcessRecordsState): void {
  key = Buffer.from(state.key);
  records.clear();
  for (const [name, record] of state.records) records.set(name, record);
}

/** Applies a change by a child process that has tried a PIN; other child processes may have tried others meanwhile. */
export function applyProcessRecord({ name, record }: ProcessRecordChange): void {
  if (record === undefined) records.delete(name);
  else records.set(name, record);
}
