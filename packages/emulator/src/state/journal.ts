import { existsSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { type AppendFile, openAppendFile } from './append-file.ts';
import { applyChange, type Change, changesToCreate, isChange } from './changes.ts';
import { readLines, syncFolder, temporaryName } from './files.ts';
import { lookUp } from './look-up.ts';
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

/** The first line of a journal, so that an empty file is none. Each other one is an array of changes. */
const HEADER = '{"version":2}';

/** The length of a journal without changes. */
export const EMPTY_JOURNAL_BYTES: number = `${HEADER}\n`.length;

/** A journal is compacted when it is longer than its content by this factor and this many bytes. */
const SPARE_FACTOR = 2;
const SPARE_BYTES = 256 * 1024;

/**
 * Opens a journal, and applies its changes to an empty state. An incomplete last line after a crash was never
 * acknowledged, and is truncated. A journal much longer than its content is compacted, now and while it is in use.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if a line other than the last is damaged
 */
export async function openJournal(path: string, state: State): Promise<Journal> {
  const { end, contentBytes } = readJournal(path, state);
  const file = openAppendFile(path, end);
  let limit = SPARE_FACTOR * contentBytes + SPARE_BYTES;
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
  return existsSync(path) && readLines(path).next().value?.texts[0] === HEADER;
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
    await handle.appendFile(piece);
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

/** Reads a journal into a state, and returns the position after its last line, and about how long its content is. */
function readJournal(path: string, state: State): { end: number; contentBytes: number } {
  let end = 0;
  let contentBytes = 0;
  const sizes = new WeakMap<object, number>();
  const apply = (text: string) => {
    const changes = parseJson(text);
    if (!Array.isArray(changes) || !changes.every(isChange)) throw damaged(path);
    for (const change of changes) {
      contentBytes += growthOf(state, change, text.length / changes.length, sizes);
      applyChange(state, change);
    }
  };
  for (const lines of readLines(path)) {
    const isFirst = end === 0;
    if (isFirst && lines.texts[0] !== HEADER) throw damaged(path);
    for (const text of isFirst ? lines.texts.slice(1) : lines.texts) apply(text);
    end = lines.end;
  }
  if (end === 0) throw damaged(path);
  return { end, contentBytes };
}

/**
 * Returns by how many bytes a change makes the content longer.
 *
 * @param sizes - of the records, in bytes
 */
function growthOf(
  state: State,
  change: Change,
  bytes: number,
  sizes: WeakMap<object, number>,
): number {
  if (change.length === 4) {
    const [relation, source, target, isLinked] = change;
    if (state[relation].has(source, target) === (isLinked === 1)) return 0;
    return isLinked ? bytes : -bytes;
  }
  const [table, key, record] = change;
  const old = lookUp<object>(state[table], key);
  if (record !== undefined) sizes.set(record, bytes);
  return (record === undefined ? 0 : bytes) - (old === undefined ? 0 : (sizes.get(old) ?? 0));
}

/** The error for a journal with a line that this version cannot read. */
export function damaged(path: string): EmulatorError {
  return new EmulatorError(`${path} is damaged`, { code: 'ERR_DIR' });
}
