import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isPlainName, pathOf } from '../identity/named-path.ts';
import { isPem } from '../identity/pem.ts';
import { isPkcs11Uri } from '../identity/pkcs11-uri.ts';
import { UsageError } from './usage-error.ts';

/**
 * The path of an existing file on the command line; `-` is standard input.
 *
 * @throws {@link UsageError} if it is the content, or a PKCS#11 URI, and not a path
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`
 */
export function filePath(given: string, option: string): string {
  return pathOf(given === '-' ? '/dev/stdin' : newFilePath(given, option), option);
}

/**
 * The absolute path of a file or folder on the command line, which is created if it does not exist.
 *
 * @throws {@link UsageError} errors of {@link newFilePath}, and for a `~`, which would become the name of a folder
 */
export function createdPath(given: string, option: string): string {
  const path = newFilePath(given, option);
  if (!/^~(?:[\\/]|$)/.test(path)) return resolve(path);
  throw new UsageError(`${option} begins with "~", which the shell did not expand`, {
    hint: 'write the path of the home folder instead, or leave out the quotes',
  });
}

/**
 * The path of a file on the command line, which may be created.
 *
 * @throws {@link UsageError} if it is the content, or a PKCS#11 URI, and not a path
 */
export function newFilePath(given: string, option: string): string {
  if (given.trim() === '') {
    throw new UsageError(`${option} must be the path of a file, and is empty`, {
      hint: 'is a variable of the shell not set?',
    });
  }
  if (isPem(given)) {
    throw new UsageError(`${option} must be the path of a file, got PEM text`, {
      hint: 'other users of this system can see command lines',
    });
  }
  if (isPkcs11Uri(given)) {
    throw new UsageError(`${option} must be the path of a file, got a PKCS#11 URI`, {
      hint: 'pass the URI as --uri',
    });
  }
  if (!isPlainName(given) && !existsSync(given)) {
    throw new UsageError(
      `${option} is the path of a file, got a string of ${given.length} characters that is none`,
      { hint: 'other users of this system can see command lines' },
    );
  }
  return given;
}
