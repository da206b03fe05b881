import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { parseJson } from '../json.ts';

/** A change of a table: a record that is added or replaced, or, without a record, a removal. */
export type Change = readonly [table: string, key: string, record?: unknown];

/** An append-only file of changes, each on disk before it is acknowledged. */
export interface Journal {
  /** Writes changes atomically: after a crash either all are there or none. */
  append(changes: readonly Change[]): void;
  close(): void;
}

/** A journal is compacted when its lines exceed the number of records by this many. */
const SPARE_LINES = 1000;

/**
 * Opens a journal: a JSON array of changes on each line. An incomplete last line after a crash was never
 * acknowledged, and is truncated. A journal much longer than its content is compacted.
 *
 * @param apply - called for each change in the file, in order
 * @param records - all records, after that
 * @throws {@link EmulatorError} `ERR_DIR` if a line other than the last is damaged
 */
export function openJournal(
  file: string,
  apply: (change: Change) => void,
  records: () => readonly Change[],
): Journal {
  const { lines, bytes } = readLines(file);
  for (const line of lines) {
    for (const change of parseLine(file, line)) apply(change);
  }
  const content = records();
  if (lines.length > 2 * content.length + SPARE_LINES) {
    const text = content.map((change) => `${JSON.stringify([change])}\n`).join('');
    writeWhole(file, text, 0o600);
    return append(openSync(file, 'a', 0o600), Buffer.byteLength(text));
  }
  const descriptor = openSync(file, 'a', 0o600);
  try {
    ftruncateSync(descriptor, bytes);
    syncFolder(file);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return append(descriptor, bytes);
}

/** Writes a file atomically, also in case of a power failure. */
export function writeWhole(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode, flush: true });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(file);
}

function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function append(descriptor: number, length: number): Journal {
  let end = length;
  return {
    append(changes) {
      const line = Buffer.from(`${JSON.stringify(changes)}\n`);
      try {
        if (writeSync(descriptor, line) < line.length) throw new Error('the disk is full');
        fdatasyncSync(descriptor);
      } catch (cause) {
        // An incomplete line followed by another would count as damage.
        ftruncateSync(descriptor, end);
        throw new EmulatorError(`cannot store a change: ${(cause as Error).message}`, {
          code: 'ServiceUnavailableException',
          cause,
        });
      }
      end += line.length;
    },
    close: () => closeSync(descriptor),
  };
}

function readLines(file: string): { lines: readonly string[]; bytes: number } {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { lines: [], bytes: 0 };
    throw new EmulatorError(`cannot read ${file}: ${code}`, { code: 'ERR_DIR', cause });
  }
  const bytes = content.lastIndexOf('\n') + 1;
  const text = content.toString('utf8', 0, bytes);
  return { lines: text === '' ? [] : text.slice(0, -1).split('\n'), bytes };
}

function parseLine(file: string, line: string): readonly Change[] {
  const changes = parseJson(line);
  if (Array.isArray(changes)) return changes as readonly Change[];
  throw new EmulatorError(`${file} is damaged`, { code: 'ERR_DIR' });
}
