import { existsSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { type AppendFile, openAppendFile } from './append-file.ts';
import { applyChange, type Change, changesToCreate, isChange } from './changes.ts';
import { readLines, syncFolder, temporaryName } from './files.ts';
import type { State } from './state.ts';

/** An append-only file of changes, each on disk before it is acknowledged. */
export interface Journal {
  /**
   * Writes changes atomically: after a crash either all are there or none.
   *
   * @throws {@link EmulatorError} `ServiceUnavailableException` if they cannot be stored
   */
  append(changes: readonly Change[]): void;
  /** Closes the file at once. The promise is fulfilled when a compaction that was running is undone. */
  close(): Promise<void>;
}

// The lines of a journal: first its version, so that an empty file is none. Each other one is an array of changes, but
// for the one that ends what a compaction wrote.
const HEADER = '{"version":2}';
const COMPACTED = '{"compacted":true}';

/** The length of a journal without changes. */
export const EMPTY_JOURNAL_BYTES: number = `${HEADER}\n${COMPACTED}\n`.length;

/** A journal is compacted when it is longer than after the last compaction by this factor and this many bytes. */
const SPARE_FACTOR = 2;
const SPARE_BYTES = 256 * 1024;

/**
 * Opens a journal, and applies its changes to an empty state. An incomplete last line after a crash was never
 * acknowledged, and is truncated. A journal much longer than its content is compacted, now and while it is in use.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if a line other than the last is damaged
 */
export async function openJournal(path: string, state: State): Promise<Journal> {
  const { end, compactedBytes } = readJournal(path, state);
  const file = openAppendFile(path, end);
  let limit = SPARE_FACTOR * compactedBytes + SPARE_BYTES;
  let isClosed = false;
  let compaction: { readonly lines: Buffer[]; readonly done: Promise<void> } | undefined;
  const compactIfLong = () => {
    if (file.length <= limit || compaction !== undefined) return;
    const lines: Buffer[] = [];
    const done = compact(path, file, { state, lines, isCancelled: () => isClosed })
      // The journal is as before.
      .catch(() => file.length)
      .then((bytes) => {
        limit = SPARE_FACTOR * bytes + SPARE_BYTES;
        compaction = undefined;
      });
    compaction = { lines, done };
  };
  compactIfLong();
  await compaction?.done;
  return {
    append(changes) {
      const line = Buffer.from(toLine(changes));
      try {
        file.append(line);
      } catch (cause) {
        throw new EmulatorError(`cannot store a change: ${(cause as Error).message}`, {
          code: 'ServiceUnavailableException',
          cause,
        });
      }
      compaction?.lines.push(line);
      compactIfLong();
    },
    close() {
      isClosed = true;
      file.close();
      return compaction?.done ?? Promise.resolve();
    },
  };
}

/** Creates or replaces a journal, with the changes that create a state. */
export async function writeJournal(path: string, state: State): Promise<void> {
  await withTemporary(path, async (temporary) => {
    await writeState(temporary, state, () => false);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  });
}

/** Whether a file begins as a journal of this version. */
export function isJournal(path: string): boolean {
  return existsSync(path) && readLines(path).next().value?.text === HEADER;
}

/** Replaces a journal by a shorter one, and returns the number of its bytes before the changes that were made meanwhile. */
function compact(
  path: string,
  file: AppendFile,
  known: {
    readonly state: State;
    /** Those changes. */
    readonly lines: readonly Buffer[];
    readonly isCancelled: () => boolean;
  },
): Promise<number> {
  return withTemporary(path, async (temporary) => {
    const bytes = await writeState(temporary, known.state, known.isCancelled);
    file.replaceBy(temporary, Buffer.concat(known.lines));
    return bytes;
  });
}

async function withTemporary<T>(
  path: string,
  write: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = temporaryName(path);
  try {
    return await write(temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const PIECE_LENGTH = 256 * 1024;

/** Writes a new journal in pieces, so that requests are answered meanwhile, and returns its length in bytes. */
async function writeState(path: string, state: State, isCancelled: () => boolean): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let piece = `${HEADER}\n`;
    for (const change of changesToCreate(state)) {
      piece += toLine([change]);
      if (piece.length < PIECE_LENGTH) continue;
      await handle.appendFile(piece);
      piece = '';
      assertNotCancelled(isCancelled);
    }
    await handle.appendFile(`${piece}${COMPACTED}\n`);
    await handle.sync();
    assertNotCancelled(isCancelled);
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function assertNotCancelled(isCancelled: () => boolean): void {
  if (isCancelled()) throw new Error('the journal was closed');
}

function toLine(changes: readonly Change[]): string {
  return `${JSON.stringify(changes)}\n`;
}

/** Reads a journal into a state, and returns the position after its last line, and after its last compaction. */
function readJournal(path: string, state: State): { end: number; compactedBytes: number } {
  let end = 0;
  let compactedBytes = 0;
  for (const line of readLines(path)) {
    if (end === 0 ? line.text !== HEADER : !applyLine(line.text, state)) throw damaged(path);
    end = line.end;
    if (line.text === COMPACTED) compactedBytes = end;
  }
  if (end === 0) throw damaged(path);
  return { end, compactedBytes };
}

/** Applies the changes of a line, and returns whether it is valid. */
function applyLine(text: string, state: State): boolean {
  if (text === COMPACTED) return true;
  const changes = parseJson(text);
  if (!Array.isArray(changes) || !changes.every(isChange)) return false;
  for (const change of changes) applyChange(state, change);
  return true;
}

/** The error for a journal with a line that this version cannot read. */
export function damaged(path: string): EmulatorError {
  return new EmulatorError(`${path} is damaged`, { code: 'ERR_DIR' });
}
