// The file of the fixed part of an account. Its journal is created first: one of them alone means that the other is lost.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import { writeWhole } from './files.ts';
import { EMPTY_JOURNAL_BYTES, isJournal, writeJournal } from './journal.ts';
import { emptyState, type Foundation } from './state.ts';
import { readVersion1 } from './version-1.ts';

/** The files of an account. */
export interface AccountFiles {
  /** The fixed part of the account. */
  readonly foundation: string;
  /** The changes of its records. */
  readonly journal: string;
}

/**
 * Opens the account in a folder, of this version or the one before, or creates one.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if it cannot be read, or one of its files is missing
 */
export async function openFoundation(
  files: AccountFiles,
  create: () => Promise<Foundation>,
): Promise<Foundation> {
  const save = (foundation: Foundation) => {
    writeWhole(files.foundation, `${JSON.stringify(foundation, null, 1)}\n`, 0o600);
    return foundation;
  };
  const existing = readFoundation(files.foundation);
  if (existing === undefined) {
    if (existsSync(files.journal) && statSync(files.journal).size > EMPTY_JOURNAL_BYTES) {
      throw missing(files.foundation);
    }
    const foundation = await create();
    await writeJournal(files.journal, emptyState(foundation));
    return save(foundation);
  }
  if (existing.version === 1) {
    const foundation: Foundation = { ...existing, version: 2 };
    if (!isJournal(files.journal)) {
      const state = emptyState(foundation);
      readVersion1(files.journal, state);
      await writeJournal(files.journal, state);
    }
    return save(foundation);
  }
  if (!existsSync(files.journal)) throw missing(files.journal);
  return existing;
}

function missing(file: string): EmulatorError {
  return new EmulatorError(`${file} is missing`, { code: 'ERR_DIR' });
}

function readFoundation(
  file: string,
): Foundation | (Omit<Foundation, 'version'> & { readonly version: 1 }) | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EmulatorError(`cannot read ${file}: ${code}`, { code: 'ERR_DIR', cause });
  }
  const foundation = parseJson(text);
  if (isObject(foundation) && (foundation.version === 1 || foundation.version === 2)) {
    return foundation as unknown as Foundation;
  }
  throw new EmulatorError(`${file} is not an account of this emulator`, { code: 'ERR_DIR' });
}
