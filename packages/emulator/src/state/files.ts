// Files that are written completely or not at all, also in case of a power failure.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Returns a name for a new file that becomes `file` when it is complete. Nobody else can guess it. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(8).toString('hex')}.tmp`;
}

const TEMPORARY = /\.[0-9a-f]{16}\.tmp$/;

/** Removes what a crash left of new files with one of these names. */
export function removeTemporaries(dir: string, names: readonly string[]): void {
  for (const name of readdirSync(dir)) {
    if (TEMPORARY.test(name) && names.includes(name.replace(TEMPORARY, ''))) {
      rmSync(join(dir, name), { force: true });
    }
  }
}

/** Creates or replaces a file. */
export function writeWhole(file: string, text: string, mode: number): void {
  const temporary = temporaryName(file);
  try {
    writeFileSync(temporary, text, { mode, flag: 'wx', flush: true });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

/** Waits until the names of a folder's files are on disk. */
export function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Writes all bytes: the system may take fewer at once. */
export function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written);
  }
}

/** Some lines of a file, and the position after them, in bytes. */
export interface Lines {
  readonly texts: readonly string[];
  readonly end: number;
}

const PIECE_BYTES = 1024 * 1024;

/** Reads the lines of a file, of about a megabyte at once. A last line without an end is not returned. */
export function* readLines(file: string): Generator<Lines> {
  const descriptor = openSync(file, 'r');
  try {
    let begun: Buffer[] = [];
    let end = 0;
    for (;;) {
      const buffer = Buffer.allocUnsafe(PIECE_BYTES);
      const piece = buffer.subarray(0, readSync(descriptor, buffer));
      if (piece.length === 0) return;
      const last = piece.lastIndexOf('\n');
      if (last >= 0) {
        const whole = Buffer.concat([...begun, piece.subarray(0, last)]);
        end += whole.length + 1;
        begun = [];
        yield { texts: whole.toString('utf8').split('\n'), end };
      }
      if (last < piece.length - 1) begun.push(piece.subarray(last + 1));
    }
  } finally {
    closeSync(descriptor);
  }
}
