import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { applyChange, type Change, inverseOf } from './changes.ts';
import { removeTemporaries, writeWhole } from './files.ts';
import { folderError, makeFolder } from './folder.ts';
import { openFoundation } from './foundation.ts';
import { openJournal } from './journal.ts';
import { type Lock, lockFolder } from './lock.ts';
import type { Relations, Tables } from './records.ts';
import { createFoundation, emptyState, type Foundation, type State } from './state.ts';

/** The state of an emulator, and its storage. */
export interface Store {
  readonly state: State;
  /** The file of the CA certificate; undefined without a folder. */
  readonly caFile: string | undefined;
  /** Adds or replaces a record; when it returns, a crash loses none of it. */
  put<Table extends keyof Tables>(table: Table, key: string, record: Tables[Table][string]): void;
  /** Removes a record and all its links, likewise. */
  remove(table: keyof Tables, key: string): void;
  /** Links two records, likewise. Does nothing if they are linked. */
  link(relation: keyof Relations, source: string, target: string): void;
  /** Removes the link of two records, likewise. Does nothing if they are not linked. */
  unlink(relation: keyof Relations, source: string, target: string): void;
  /** Applies the changes of a task atomically: all or none after a crash, and none if it throws. */
  batch<T>(task: () => T): T;
  /** The folder lock; undefined without a folder. */
  readonly lock: Lock | undefined;
  /** Closes the files and unlocks the folder at once. The promise is fulfilled when nothing temporary is left. */
  close(): Promise<void>;
}

/** Properties of a new account; an existing account must match. */
export interface StoreOptions {
  readonly dir: string | undefined;
  readonly accountId: string | undefined;
  readonly region: string | undefined;
  readonly nowMs: number;
}

const DEFAULT_ACCOUNT_ID = '123456789012';
const DEFAULT_REGION = 'us-east-1';

const FOUNDATION = 'account.json';
const CA = 'ca.pem';
const JOURNAL = 'records.jsonl';

/**
 * Opens or creates the state in a folder; without a folder it is in memory. A folder is locked by one process at a
 * time.
 *
 * @throws {@link EmulatorError} if the folder cannot be used, is in use, or holds another account or region
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dir, accountId = DEFAULT_ACCOUNT_ID, region = DEFAULT_REGION, nowMs } = options;
  const create = () => createFoundation(accountId, region, nowMs);
  if (dir === undefined) {
    const state = emptyState(await create());
    const close = () => Promise.resolve();
    return { ...openState(state, () => {}), caFile: undefined, lock: undefined, close };
  }
  makeFolder(dir);
  let lock: Lock | undefined;
  try {
    lock = await lockFolder(dir);
    const { release } = lock;
    removeTemporaries(dir, [FOUNDATION, CA, JOURNAL]);
    const files = { foundation: join(dir, FOUNDATION), journal: join(dir, JOURNAL) };
    const state = emptyState(await openFoundation(files, create));
    assertSame(state, options);
    // Before the journal is opened, which truncates an incomplete last line.
    lock.assertHeld();
    const caFile = join(dir, CA);
    const { certificatePem } = state.pki.serverCa;
    const isThere = existsSync(caFile) && readFileSync(caFile, 'utf8') === certificatePem;
    if (!isThere) writeWhole(caFile, certificatePem, 0o644);
    // The last step that may fail: the journal is a file that stays open.
    const journal = await openJournal(files.journal, state);
    const close = () => {
      try {
        return journal.close();
      } finally {
        release();
      }
    };
    return { ...openState(state, journal.append), caFile, lock, close };
  } catch (error) {
    lock?.release();
    // What is no error of the system is a defect, or an error that says what is wrong.
    const { syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : folderError(dir, error as Error);
  }
}

function openState(
  state: State,
  keep: (changes: readonly Change[]) => void,
): Omit<Store, 'caFile' | 'lock' | 'close'> {
  let batch: { readonly changes: Change[]; readonly undo: Change[] } | undefined;
  const make = (change: Change) => {
    // Written to disk first: a change that is only in memory could be acknowledged and lost.
    if (batch === undefined) keep([change]);
    batch?.changes.push(change);
    batch?.undo.unshift(...inverseOf(state, change));
    applyChange(state, change);
  };
  return {
    state,
    put: (table, key, record) => make([table, key, record]),
    remove: (table, key) => make([table, key]),
    link(relation, source, target) {
      if (!state[relation].has(source, target)) make([relation, source, target, 1]);
    },
    unlink(relation, source, target) {
      if (state[relation].has(source, target)) make([relation, source, target, 0]);
    },
    batch(task) {
      if (batch !== undefined) return task();
      const changes: Change[] = [];
      const undo: Change[] = [];
      batch = { changes, undo };
      try {
        const result = task();
        if (changes.length > 0) keep(changes);
        return result;
      } catch (error) {
        for (const change of undo) applyChange(state, change);
        throw error;
      } finally {
        batch = undefined;
      }
    },
  };
}

function assertSame(foundation: Foundation, options: StoreOptions): void {
  for (const name of ['accountId', 'region'] as const) {
    const wanted = options[name];
    if (wanted !== undefined && wanted !== foundation[name]) {
      throw new EmulatorError(
        `the account in ${options.dir} is for ${name} ${foundation[name]}, and ${wanted} was requested`,
        { code: 'ERR_DIR' },
      );
    }
  }
}
