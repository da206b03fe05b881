import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder, writeAll } from './files.ts';

/** A file that only this process changes, and only at its end. */
export interface AppendFile {
  /** Its length, in bytes. */
  readonly length: number;
  /**
   * Appends bytes, and waits until they are on disk.
   *
   * @throws if they cannot be written; then none of them is in the file. After a failure that may have left some, and
   * if another program removed or changed the file, it throws from then on.
   */
  append(bytes: Buffer): void;
  /**
   * Appends bytes to another file, and puts it in the place of this one.
   *
   * @throws if that is not possible; then this file is as before
   */
  replaceBy(other: string, bytes: Buffer): void;
  close(): void;
}

/** Opens a file, and truncates it to a length. */
export function openAppendFile(file: string, startLength: number): AppendFile {
  let length = startLength;
  let descriptor = openSync(file, 'a', 0o600);
  /** Why nothing can be appended any more. */
  let failure: string | undefined;

  const assertUnchanged = () => {
    const { ino, dev } = fstatSync(descriptor);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.ino === ino && found.dev === dev && found.size === length) return;
    failure = `${file} was removed or changed by another program; restart the emulator`;
    throw new Error(failure);
  };
  const truncate = () => {
    try {
      ftruncateSync(descriptor, length);
      fdatasyncSync(descriptor);
    } catch (error) {
      failure = `${file} has an incomplete change (${(error as Error).message}); restart the emulator`;
      throw error;
    }
  };

  try {
    truncate();
    syncFolder(dirname(file));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return {
    get length() {
      return length;
    },
    append(bytes) {
      if (failure !== undefined) throw new Error(failure);
      assertUnchanged();
      try {
        writeAll(descriptor, bytes);
        fdatasyncSync(descriptor);
      } catch (error) {
        truncate();
        throw error;
      }
      length += bytes.length;
      assertUnchanged();
    },
    replaceBy(other, bytes) {
      const next = openSync(other, 'a');
      try {
        writeAll(next, bytes);
        fdatasyncSync(next);
        assertUnchanged();
        renameSync(other, file);
      } catch (error) {
        closeSync(next);
        throw error;
      }
      closeSync(descriptor);
      descriptor = next;
      length = fstatSync(next).size;
      try {
        syncFolder(dirname(file));
      } catch (error) {
        failure = `${file} may be lost in a power failure (${(error as Error).message}); restart the emulator`;
      }
    },
    close: () => closeSync(descriptor),
  };
}
