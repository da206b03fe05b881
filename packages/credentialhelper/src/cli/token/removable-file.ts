import { X509Certificate } from 'node:crypto';
import { accessSync, constants, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CredentialHelperError } from '../../errors.ts';
import { pemBlocks } from '../../identity/pem.ts';
import { isPrivateKeyLabel } from '../../identity/private-key.ts';
import { readSource } from '../../identity/read-source.ts';

/** A file with a key that is to be removed once the key is in a token. */
export interface RemovableFile {
  /**
   * Removes the file.
   *
   * @throws {@link CredentialHelperError} `ERR_FILE_UNWRITABLE`; a file that has changed since is left
   */
  remove(): void;
}

/**
 * Checks, before the token is touched, that a file can be removed afterwards and that nothing is lost with it.
 *
 * @param certificates - those that are imported with the key
 * @throws {@link CredentialHelperError} `ERR_FILE_UNWRITABLE`
 */
export function openRemovable(
  file: string,
  certificates: readonly X509Certificate[],
): RemovableFile {
  const before = lstatSync(file, { throwIfNoEntry: false });
  // One that is not there is told of when it is read.
  if (before === undefined) return { remove() {} };
  assertRemovable(file, before, certificates);
  return {
    remove() {
      const now = lstatSync(file, { throwIfNoEntry: false });
      if (now === undefined || !isSame(before, now)) {
        throw notRemoved(file, 'it has been replaced or changed since it was read, and was left');
      }
      try {
        unlinkSync(file);
      } catch (cause) {
        throw notRemoved(file, (cause as Error).message, cause);
      }
    },
  };
}

function assertRemovable(
  file: string,
  stats: Stats,
  certificates: readonly X509Certificate[],
): void {
  if (!stats.isFile()) {
    const kind = stats.isSymbolicLink() ? 'a symbolic link' : 'not a regular file';
    throw refused(
      `${file} is ${kind}, and --delete-source would not remove the key`,
      'give the path of the file itself; nothing was imported',
    );
  }
  if (stats.nlink > 1) {
    throw refused(
      `${file} has ${stats.nlink} names (hard links), and --delete-source would remove one of them`,
      'remove the other names first; nothing was imported',
    );
  }
  const more = notImported(file, certificates);
  if (more !== undefined) {
    throw refused(
      `${file} holds ${more} that is not imported, and --delete-source would destroy it`,
      'put the key into a file of its own, or import the certificates with --certificate; nothing was imported',
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

/** What of a file is lost with it, besides the key that is imported. */
function notImported(file: string, certificates: readonly X509Certificate[]): string | undefined {
  const blocks = pemBlocks(readSource(file, '--key').bytes.toString('latin1'));
  const keys = blocks.filter(({ label }) => isPrivateKeyLabel(label));
  if (keys.length > 1) return 'a second private key';
  const others = blocks.filter(({ label }) => !isPrivateKeyLabel(label) && !DERIVED.test(label));
  const lost = others.find(
    ({ label, pem }) =>
      !label.endsWith('CERTIFICATE') || !certificates.some((one) => isPemOf(pem, one)),
  );
  return lost && (lost.label === 'CERTIFICATE' ? 'a certificate' : `a block "${lost.label}"`);
}

/** Blocks that can be made of the key again. */
const DERIVED = /PARAMETERS$|PUBLIC KEY$/;

function isPemOf(pem: string, certificate: X509Certificate): boolean {
  try {
    return new X509Certificate(pem).raw.equals(certificate.raw);
  } catch {
    return false;
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
