import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCredentialHelperError } from '../errors.ts';
import type { Settings } from '../options/options.ts';
import { monotonicMs, sleep } from '../process/timers.ts';
import { filesOf } from './source-version.ts';

/**
 * How long after a change, and after its discovery, certificate and key may not belong together, as they are replaced one
 * after the other, in milliseconds.
 */
const SETTLE_MS = 5000;

/** How often they are checked meanwhile, in milliseconds. */
const LOOK_MS = 200;

/** Reads certificate and key, or the certificate of a key in a token, during a rotation. */
export interface RotatingReader<T> {
  /**
   * Reads them without waiting.
   *
   * @throws errors of `read`
   */
  readNow(read: () => T): T;
  /**
   * Reads them. If they are being replaced and do not belong together, returns the previous ones; without any, waits
   * until they do.
   *
   * @param limitMs - timeout in milliseconds
   * @throws errors of `read`
   */
  read(read: () => T, limitMs: number): Promise<T>;
}

/** Creates the reader of certificate and key of a session. */
export function createRotatingReader<T>(settings: Settings): RotatingReader<T> {
  let last: T | undefined;
  /** When the mismatch was discovered, by `monotonicMs()`: a folder with frequent changes always looks just changed. */
  let misfitSinceMs: number | undefined;

  function readNow(read: () => T): T {
    try {
      last = read();
    } catch (error) {
      // One may have been replaced after the other had been read.
      if (!isMidway(error)) throw error;
      last = read();
    }
    misfitSinceMs = undefined;
    return last;
  }

  /** What to use; undefined to wait. */
  function attempt(read: () => T, canWait: boolean): T | undefined {
    try {
      return readNow(read);
    } catch (error) {
      misfitSinceMs ??= monotonicMs();
      const isTolerable = isMidway(error) || (last !== undefined && isOfPassphrase(error));
      const isReplaced =
        isTolerable && monotonicMs() - misfitSinceMs < SETTLE_MS && hasChanged(settings);
      if (isReplaced && (last !== undefined || canWait)) return last;
      throw error;
    }
  }

  return {
    readNow,
    async read(read, limitMs) {
      const endMs = monotonicMs() + limitMs;
      for (;;) {
        const given = attempt(read, monotonicMs() + LOOK_MS < endMs);
        if (given !== undefined) return given;
        await sleep(LOOK_MS);
      }
    },
  };
}

/** Whether an error may come from a replacement in progress: an incomplete or missing file, or a mismatch. */
function isMidway(error: unknown): boolean {
  return (
    isCredentialHelperError(error) &&
    (error.code === 'ERR_KEY_CERTIFICATE_MISMATCH' ||
      error.code === 'ERR_FILE_UNREADABLE' ||
      error.code === 'ERR_CERTIFICATE_INVALID' ||
      error.code === 'ERR_PRIVATE_KEY_INVALID')
  );
}

/** Whether the passphrase does not belong to the key, which may be due to a pending replacement of both. */
function isOfPassphrase(error: unknown): boolean {
  return (
    isCredentialHelperError(error) &&
    (error.code === 'ERR_PASSPHRASE_WRONG' || error.code === 'ERR_PASSPHRASE_REQUIRED')
  );
}

/** Whether one of the files, or its folder, was changed a moment ago. */
function hasChanged(settings: Settings): boolean {
  const nowMs = Date.now();
  return filesOf(settings)
    .flatMap((file) => [file, dirname(file)])
    .some((path) => Math.abs(nowMs - changeOf(path)) < SETTLE_MS);
}

/** The last change of a file or folder, in epoch milliseconds; if it does not exist, of its folder. */
function changeOf(path: string): number {
  try {
    return statSync(path).ctimeMs;
  } catch {
    const folder = dirname(path);
    return folder === path ? Number.NaN : changeOf(folder);
  }
}
