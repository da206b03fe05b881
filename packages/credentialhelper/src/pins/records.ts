import { createHmac, randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '../identity/secret.ts';
import { isObject, parseJson } from '../json.ts';

/**
 * What is known of a PIN of a token: it is being tried, or was when the process that tried it was killed; the token
 * rejected it; or it accepted it. Only a process remembers the latter: on a disk it would tell about the right PIN.
 */
export interface PinRecord {
  readonly state: 'tried' | 'rejected' | 'accepted';
  /** Epoch milliseconds. */
  readonly at: number;
  /** How often it was tried without an answer, this time included. */
  readonly tries: number;
  /** What the token said. */
  readonly message: string;
}

/** Where {@link PinRecord}s are kept, under keyed hashes of token and PIN. */
export interface PinRecords {
  read(token: string, pin: Secret): PinRecord | undefined;
  /** Writes a record, or removes the one that is there. */
  write(token: string, pin: Secret, record: PinRecord | undefined): void;
  /** Removes all records of a token. */
  forget(token: string): void;
}

/** Records in a folder that processes share. */
export interface FolderRecords extends PinRecords {
  /** The file to delete so that this PIN is tried again. */
  fileOf(token: string, pin: Secret): string;
  /** The file whose lock belongs to who tries a PIN of this token. */
  lockFileOf(token: string): string;
}

/** The name of a record; the token's part stands first, so that its records can be found. */
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
 * The records in a folder: a file each, which is there whole or not at all.
 *
 * @throws an error of `node:fs` from any member where the folder cannot be used
 */
export function folderRecords(folder: string): FolderRecords {
  const key = readKey(folder);
  const fileOf = (token: string, pin: Secret) =>
    join(folder, `pin-${recordName(key, token, pin)}.json`);
  return {
    read(token, pin) {
      const bytes = readIfThere(fileOf(token, pin));
      // A file that is there is a rejection, whatever became of its text.
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
    // Unless another process was faster.
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

/** The records of a process, in the form in which they go to its child processes and come back. */
export interface ProcessRecordsState {
  readonly key: Uint8Array;
  readonly records: ReadonlyMap<string, PinRecord>;
}

let key = randomBytes(32);
let watch: ((state: ProcessRecordsState) => void) | undefined;
const records = new Map<string, PinRecord>();

/** The records that this process keeps. */
export const processRecords: PinRecords = {
  read: (token, pin) => records.get(recordName(key, token, pin)),
  write(token, pin, record) {
    const name = recordName(key, token, pin);
    if (record === undefined) records.delete(name);
    else records.set(name, record);
    watch?.({ key, records });
  },
  forget(token) {
    for (const name of records.keys()) {
      if (name.startsWith(tokenName(key, token))) records.delete(name);
    }
  },
};

/** What this process knows, for a child process. */
export function exportProcessRecords(): ProcessRecordsState {
  return { key, records };
}

/** Calls back whenever this process knows more. */
export function watchProcessRecords(callback: (state: ProcessRecordsState) => void): void {
  watch = callback;
}

/** Takes over what another process knows: a parent, or a child process that has tried a PIN. */
export function importProcessRecords(state: ProcessRecordsState): void {
  key = Buffer.from(state.key);
  records.clear();
  for (const [name, record] of state.records) records.set(name, record);
}
