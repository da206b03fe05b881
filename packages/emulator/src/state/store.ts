import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { type Change, openJournal, writeWhole } from './journal.ts';
import { type Lock, lockFolder } from './lock.ts';
import { lookUp } from './look-up.ts';
import type { Tables } from './records.ts';
import { createState, emptyTables, type State } from './state.ts';

/** The state of an emulator, and its storage. */
export interface Store {
  readonly state: State;
  /** The file of the CA certificate; undefined without a folder. */
  readonly caFile: string | undefined;
  /** Adds or replaces a record; when it returns, a crash loses none of it. */
  put<Table extends keyof Tables>(table: Table, key: string, record: Tables[Table][string]): void;
  /** Removes a record, likewise. */
  remove(table: keyof Tables, key: string): void;
  /** Applies the changes of a task atomically: all or none after a crash, and none if it throws. */
  batch<T>(task: () => T): T;
  /** The folder lock; undefined without a folder. */
  readonly lock: Lock | undefined;
  close(): void;
}

/** Properties of a new account; an existing account must match. */
export interface StoreOptions {
  readonly dir: string | undefined;
  readonly accountId: string | undefined;
  readonly region: string | undefined;
  readonly nowMs: number;
}

/** The fixed part of an account: all of the state but its tables. */
type Foundation = Omit<State, keyof Tables>;

const DEFAULT_ACCOUNT_ID = '123456789012';
const DEFAULT_REGION = 'us-east-1';

/**
 * Opens or creates the state in a folder; without a folder it is in memory. A folder is locked by one process at a
 * time.
 *
 * @throws {@link EmulatorError} if the folder cannot be used, is in use, or holds another account or region
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dir, accountId = DEFAULT_ACCOUNT_ID, region = DEFAULT_REGION, nowMs } = options;
  if (dir === undefined) {
    const state = await createState(accountId, region, nowMs);
    return { ...openTables(state, () => {}), caFile: undefined, lock: undefined, close() {} };
  }
  makeFolder(dir);
  let lock: Lock | undefined;
  try {
    lock = lockFolder(dir);
    const foundation = await openFoundation(dir, { ...options, accountId, region }, options);
    // Before the journal is opened, which truncates an incomplete last line.
    lock.assertHeld();
    const state: State = { ...foundation, ...emptyTables() };
    const caFile = join(dir, 'ca.pem');
    const { certificatePem } = state.pki.serverCa;
    const isThere = existsSync(caFile) && readFileSync(caFile, 'utf8') === certificatePem;
    if (!isThere) writeWhole(caFile, certificatePem, 0o644);
    // The last step that may fail: the journal is a file that stays open.
    const journal = openJournal(
      join(dir, 'records.jsonl'),
      (change) => applyChange(state, change),
      () => allRecords(state),
    );
    const close = () => {
      try {
        journal.close();
      } finally {
        lock?.release();
      }
    };
    return { ...openTables(state, (changes) => journal.append(changes)), caFile, lock, close };
  } catch (error) {
    lock?.release();
    throw error instanceof EmulatorError ? error : folderError(dir, error as Error);
  }
}

function openTables(
  state: State,
  keep: (changes: readonly Change[]) => void,
): Pick<Store, 'state' | 'put' | 'remove' | 'batch'> {
  let batch: { readonly changes: Change[]; readonly undo: Change[] } | undefined;
  const make = (table: keyof Tables, key: string, record?: unknown) => {
    // JSON has no undefined: a removal has no third element.
    const change: Change = record === undefined ? [table, key] : [table, key, record];
    // Written to disk first: a change that is only in memory could be acknowledged and lost.
    if (batch === undefined) keep([change]);
    batch?.changes.push(change);
    batch?.undo.unshift([table, key, lookUp<unknown>(state[table], key)]);
    applyChange(state, change);
  };
  return {
    state,
    put: make,
    remove: (table, key) => make(table, key),
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

/** The only place that changes a table; all other code sees them as read-only. */
function applyChange(state: State, [table, key, record]: Change): void {
  const records = (state as unknown as Record<string, Record<string, unknown>>)[table];
  if (records === undefined) return;
  if (record === undefined) delete records[key];
  else records[key] = record;
}

function allRecords(state: State): readonly Change[] {
  return (Object.keys(emptyTables()) as (keyof Tables)[]).flatMap((table) =>
    Object.entries(state[table]).map(([key, record]): Change => [table, key, record]),
  );
}

async function openFoundation(
  dir: string,
  made: { accountId: string; region: string; nowMs: number },
  wanted: StoreOptions,
): Promise<Foundation> {
  const file = join(dir, 'account.json');
  const existing = readFoundation(file);
  if (existing !== undefined) {
    assertSame(existing, wanted);
    return existing;
  }
  const state = await createState(made.accountId, made.region, made.nowMs);
  const tables = Object.keys(emptyTables());
  const foundation = Object.fromEntries(
    Object.entries(state).filter(([name]) => !tables.includes(name)),
  );
  writeWhole(file, `${JSON.stringify(foundation, null, 1)}\n`, 0o600);
  return state;
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw folderError(dir, cause as Error);
  }
}

function folderError(dir: string, cause: NodeJS.ErrnoException): EmulatorError {
  const reason = cause.code === 'EEXIST' ? 'it is not a folder' : cause.message;
  return new EmulatorError(`cannot use ${dir}: ${reason}`, { code: 'ERR_DIR', cause });
}

function readFoundation(file: string): Foundation | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EmulatorError(`cannot read ${file}: ${code}`, { code: 'ERR_DIR', cause });
  }
  try {
    const foundation = JSON.parse(text) as Foundation;
    if (foundation.version === 1) return foundation;
  } catch {
    // Reported below: the text contains keys, and the parser's error quotes it.
  }
  throw new EmulatorError(`${file} is not an account of this emulator`, { code: 'ERR_DIR' });
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
