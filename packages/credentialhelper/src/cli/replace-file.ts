import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The end of the name of a temporary file of this process. */
const SUFFIX = `.${randomBytes(6).toString('hex')}.tmp`;
const TEMPORARY = /^\.[0-9a-f]{12}\.tmp$/;

/** After this time, a temporary file was left behind by a process that was killed. */
const STALE_MS = 60_000;

/** How a file is replaced. */
interface Replacement {
  /** Mode and owner of the file that is replaced. Default: mode 0600, owner this user. */
  readonly like?: Stats | undefined;
  /** Whether no other process replaces the file meanwhile: then all temporary files beside it were left behind. */
  readonly isLocked: boolean;
  /** Called with the path of the complete temporary file, before it replaces the file. */
  readonly check?: (temporary: string) => Promise<void>;
}

/**
 * Replaces a file at once, and durably: readers, also after a crash, see the old content or the new one.
 *
 * @throws (as a rejection) an error of `node:fs`, or of `check`: then the file is unchanged
 */
export async function replaceFile(
  file: string,
  content: Uint8Array,
  { like, isLocked, check }: Replacement,
): Promise<void> {
  removeStale(file, isLocked);
  const temporary = `${file}${SUFFIX}`;
  try {
    write(temporary, content, like);
    await check?.(temporary);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

function write(file: string, content: Uint8Array, like: Stats | undefined): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    for (let written = 0; written < content.length; ) {
      written += writeSync(fd, content, written);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  if (like === undefined) return;
  const { uid, gid, mode } = statSync(file);
  if (uid !== like.uid || gid !== like.gid) chownSync(file, like.uid, like.gid);
  if (mode !== like.mode) chmodSync(file, like.mode & 0o7777);
}

/** A rename lasts only when its folder was written. */
function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Windows has no such operation, and some file systems neither.
  }
}

function removeStale(file: string, isLocked: boolean): void {
  const folder = dirname(file);
  const name = basename(file);
  const temporary = readdirSync(folder).filter(
    (entry) => entry.startsWith(name) && TEMPORARY.test(entry.slice(name.length)),
  );
  removeOld(folder, temporary, isLocked ? Number.NEGATIVE_INFINITY : STALE_MS);
}

/**
 * Removes the files of a folder that were written some time ago.
 *
 * @param names - the files to look at
 * @param ageMs - how long ago at least, in milliseconds
 */
export function removeOld(folder: string, names: readonly string[], ageMs: number): void {
  for (const name of names) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() === true && Date.now() - stats.mtimeMs > ageMs) {
      rmSync(path, { force: true });
    }
  }
}
