import { closeSync, constants, openSync } from 'node:fs';
import type { Koffi } from '../pkcs11/koffi.ts';

/** The flag of `uv_fs_open` on Windows that opens a file exclusively (`UV_FS_O_EXLOCK`). */
const WINDOWS_EXCLUSIVE = 0x10000000;

// flock(2); the same on Linux and macOS.
const LOCK_EX = 2;
const LOCK_NB = 4;
let flock: ((descriptor: number, operation: number) => number) | undefined;

/**
 * Tries to lock a file. The system releases the lock when the process ends for any reason.
 *
 * @returns a function that releases it; undefined if it is held by another process or thread, or by this one
 * @throws an error of `node:fs` if the file cannot be opened, or an `Error` if it cannot be locked
 */
export function tryLock(koffi: Koffi, file: string): (() => void) | undefined {
  if (process.platform === 'win32') return tryLockOnWindows(file);
  const descriptor = openSync(
    file,
    constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  flock ??= koffi.load(null).func('flock', 'int', ['int', 'int']);
  if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return () => closeSync(descriptor);
  const errno = koffi.errno();
  closeSync(descriptor);
  if (errno === koffi.os.errno.EWOULDBLOCK || errno === koffi.os.errno.EAGAIN) return undefined;
  throw new Error(`flock of ${file}: errno ${errno}`);
}

function tryLockOnWindows(file: string): (() => void) | undefined {
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | WINDOWS_EXCLUSIVE;
    const descriptor = openSync(file, flags);
    return () => closeSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return undefined;
    throw error;
  }
}
