import type { KeyObject, X509Certificate } from 'node:crypto';
import { accessSync, constants, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CredentialHelperError } from '../../errors.ts';
import { restOfKeyFile } from '../../identity/key-file-rest.ts';
import { readFile } from '../../identity/read-file.ts';

/** A file with a key that is to be removed after the import of the key. */
export interface RemovableFile {
  /**
   * Checks that the file contains nothing else.
   *
   * @param key - the key that was read from it
   * @param certificates - those that are imported with the key
   * @throws {@link CredentialHelperError} `ERR_FILE_UNWRITABLE`
   */
  check(key: KeyObject, certificates: readonly X509Certificate[]): void;
  /**
   * Removes the file.
   *
   * @throws {@link CredentialHelperError} `ERR_FILE_UNWRITABLE`, also for a file that has changed since
   */
  remove(): void;
}

/**
 * Checks, before the token is used, that the file can be removed afterwards.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNWRITABLE`
 */
export function openRemovable(file: string): RemovableFile {
  const before = lstatSync(file, { throwIfNoEntry: false });
  // A missing file is reported when it is read.
  if (before === undefined) return { check() {}, remove() {} };
  assertRemovable(file, before);
  return {
    check(key, certificates) {
      const rest = restOfKeyFile(readFile(file, `file "${file}"`), key, certificates);
      if (rest === undefined) return;
      throw refused(
        `${file} holds ${rest} that is not imported, and --delete-source would destroy it`,
        'put the key into its own file, or import the certificates with --certificate; nothing was imported',
      );
    },
    remove() {
      const now = lstatSync(file, { throwIfNoEntry: false });
      if (now === undefined || !isSame(before, now)) {
        throw refused(
          `the key is in the token and works; ${file} was not removed: it was replaced or changed after it was read`,
          'check the file: it may now hold another key',
        );
      }
      try {
        unlinkSync(file);
      } catch (cause) {
        throw notRemoved(file, (cause as Error).message, cause);
      }
    },
  };
}

function assertRemovable(file: string, stats: Stats): void {
  if (!stats.isFile()) {
    const kind = stats.isSymbolicLink() ? 'a symbolic link' : 'not a regular file';
    throw refused(
      `${file} is ${kind}, and --delete-source would not remove the key`,
      'pass the path of the file itself; nothing was imported',
    );
  }
  if (stats.nlink > 1) {
    throw refused(
      `${file} has ${stats.nlink} names (hard links), and --delete-source would remove one of them`,
      'remove the other names first; nothing was imported',
    );
  }
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (cause) {
    throw refused(
      `${file} cannot be removed: its folder is not writable`,
      'nothing was imported',
      cause,
    );
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return (['dev', 'ino', 'size', 'mtimeMs', 'ctimeMs'] as const).every(
    (name) => one[name] === other[name],
  );
}

function refused(message: string, hint: string, cause?: unknown): CredentialHelperError {
  return new CredentialHelperError(message, { code: 'ERR_FILE_UNWRITABLE', hint, cause });
}

function notRemoved(file: string, why: string, cause?: unknown): CredentialHelperError {
  return refused(
    `the key is in the token and works, but ${file} could not be removed: ${why}`,
    'remove the file yourself',
    cause,
  );
}
