import { CredentialHelperError } from '../errors.ts';
import { Secret } from './secret.ts';
import { checkSecret, type Warn } from './secret-file.ts';
import {
  askingFunction,
  immediate,
  openSecretPlace,
  type SecretReader,
  type SecretSource,
} from './secret-source.ts';

/** The source of a passphrase that has been checked. */
export type PassphraseReader = SecretReader<Secret | undefined>;

/**
 * Checks where the passphrase of a key comes from, and reads it once where that has no effect on anything.
 *
 * @param warn - told of a file that others can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export function openPassphrase(source: SecretSource | undefined, warn: Warn): PassphraseReader {
  if (source === undefined) return immediate(() => undefined);
  const named = { kind: 'passphrase', option: 'passphrase', warn } as const;
  if (typeof source === 'string') {
    // As it is: unlike a PIN, it may begin or end with a blank, and a wrong one costs nothing.
    if (source === '') {
      throw new CredentialHelperError('"passphrase" is empty', { code: 'ERR_INVALID_OPTION' });
    }
    const passphrase = new Secret(source);
    return immediate(() => passphrase);
  }
  if (typeof source === 'function') return askingFunction(source, named, checkSecret);
  return openSecretPlace(source, named);
}
