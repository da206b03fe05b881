import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EmulatorError } from '../errors.ts';

/**
 * Creates a folder unless it exists. The state has keys, and anyone who can write to the folder can replace them: as with
 * SSH, only its owner may.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if it cannot be created, belongs to another user, or others may write to it
 */
export function makeFolder(dir: string): void {
  try {
    makeWithParents(resolve(dir));
  } catch (cause) {
    throw folderError(dir, cause as Error);
  }
  const { uid, mode } = statSync(dir);
  // Windows has neither.
  const user = process.geteuid?.();
  if (user === undefined) return;
  if (uid !== user) throw refused(dir, `it belongs to user ${uid}, not to user ${user}`);
  if ((mode & 0o022) !== 0) {
    throw refused(dir, `other users may write to it (mode ${(mode & 0o777).toString(8)})`);
  }
}

/** The error for a folder that the system does not let us use. */
export function folderError(dir: string, cause: NodeJS.ErrnoException): EmulatorError {
  const reason = cause.code === 'EEXIST' ? 'it is not a folder' : cause.message;
  return new EmulatorError(`cannot use ${dir}: ${reason}`, { code: 'ERR_DIR', cause });
}

function refused(dir: string, reason: string): EmulatorError {
  return new EmulatorError(`cannot use ${dir}: ${reason}`, { code: 'ERR_DIR' });
}

// `recursive` of Node.js never returns where the system does not allow a folder, such as /proc.
function makeWithParents(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(dir) !== dir) {
      makeWithParents(dirname(dir));
      mkdirSync(dir, { mode: 0o700 });
    } else if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
