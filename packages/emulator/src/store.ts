import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmulatorError } from './errors.ts';
import { createState, emptyTables, type State, type Tables } from './state.ts';

/** The state of an emulator, and how it is kept. */
export interface Store {
  readonly state: State;
  /** The CA certificate as a file, where there is a folder. */
  readonly caFile: string | undefined;
  /** Adds or replaces a record; when it returns, a crash loses none of it. */
  put<Table extends keyof Tables>(table: Table, key: string, record: Tables[Table][string]): void;
  /** Removes a record, likewise. */
  remove(table: keyof Tables, key: string): void;
}

/** What a new account is made with; an account that is there must agree. */
export interface StoreOptions {
  readonly dir: string | undefined;
  readonly accountId: string | undefined;
  readonly region: string | undefined;
  readonly nowMs: number;
}

const DEFAULT_ACCOUNT_ID = '123456789012';
const DEFAULT_REGION = 'us-east-1';

/**
 * Opens the state in a folder, or makes it; without a folder it is kept in memory.
 *
 * @throws {@link EmulatorError} where the folder cannot be used, or holds another account or region
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dir, accountId = DEFAULT_ACCOUNT_ID, region = DEFAULT_REGION, nowMs } = options;
  if (dir === undefined) {
    const state = await createState(accountId, region, nowMs);
    return { ...openTables(state, () => {}), caFile: undefined };
  }
  const file = join(dir, 'state.json');
  const caFile = join(dir, 'ca.pem');
  makeFolder(dir);
  const existing = readState(file);
  if (existing !== undefined) assertSame(existing, options);
  const state = existing ?? (await createState(accountId, region, nowMs));
  const save = () => writeWhole(file, `${JSON.stringify(state, null, 1)}\n`, 0o600);
  if (existing === undefined) save();
  writeWhole(caFile, state.pki.serverCa.certificatePem, 0o644);
  return { ...openTables(state, save), caFile };
}

function openTables(state: State, save: () => void): Pick<Store, 'state' | 'put' | 'remove'> {
  // The tables are read-only for everybody but this function; `put` keeps table and record of one kind.
  const tables = state as Readonly<Record<keyof Tables, Record<string, unknown>>>;
  return {
    state,
    put(table: keyof Tables, key: string, record: unknown) {
      tables[table][key] = record;
      save();
    },
    remove(table, key) {
      delete tables[table][key];
      save();
    },
  };
}

/** Writes a file so that it is there whole or as it was before. */
export function writeWhole(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode, flush: true });
  renameSync(temporary, file);
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'it is not a folder' : code;
    throw new EmulatorError(`cannot use ${dir}: ${reason}`, { code: 'ERR_DIR', cause });
  }
}

function readState(file: string): State | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EmulatorError(`cannot read ${file}: ${code}`, { code: 'ERR_DIR', cause });
  }
  try {
    const state = JSON.parse(text) as State;
    if (state.version === 1) return { ...emptyTables(), ...state };
  } catch {
    // Said below: the text holds keys, and the parser's error quotes it.
  }
  throw new EmulatorError(`${file} is not the state of this emulator`, { code: 'ERR_DIR' });
}

function assertSame(state: State, options: StoreOptions): void {
  for (const name of ['accountId', 'region'] as const) {
    const wanted = options[name];
    if (wanted !== undefined && wanted !== state[name]) {
      throw new EmulatorError(
        `the state in ${options.dir} is for ${name} ${state[name]}, and ${wanted} was asked for`,
        { code: 'ERR_DIR' },
      );
    }
  }
}
