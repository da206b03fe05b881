import { statSync } from 'node:fs';
import { CredentialHelperError } from '../errors.ts';
import { readSource } from './read-source.ts';
import { Secret } from './secret.ts';

/**
 * Reads a PIN or passphrase from a file: its whole text, without one line break at the end.
 *
 * @param option - the name of the option the path came from, for messages
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`; `ERR_INVALID_OPTION` where the file is empty or holds a
 * NUL character
 */
export function readPinFile(path: string, option = 'pin-file'): Secret {
  const { bytes, name } = readSource(path, option);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  const problem = text === '' ? 'is empty' : text.includes('\0') ? 'has a NUL character' : '';
  if (problem !== '') {
    throw new CredentialHelperError(`${name} given as "${option}" ${problem}`, {
      code: 'ERR_INVALID_OPTION',
      hint: 'the file holds nothing but the secret, on one line',
    });
  }
  return new Secret(text);
}

/** What is wrong with the permissions of a file that holds a secret, or undefined. */
export function permissionProblem(path: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
  if ((mode & 0o044) === 0) return undefined;
  return `others on this system may read ${path} (mode ${mode.toString(8).padStart(4, '0')}); chmod 600 ends that`;
}
