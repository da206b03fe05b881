import { Secret } from './secret.ts';
import { checkSecret, type Warn } from './secret-file.ts';
import {
  askingFunction,
  immediate,
  invalidSecretSource,
  openSecretPlace,
  PASSED,
  type SecretReader,
  type SecretSource,
} from './secret-source.ts';

/** A validated source of a passphrase. */
export type PassphraseReader = SecretReader<Secret | undefined>;

/**
 * Validates the source of the passphrase of a key, and reads it once if reading has no side effects.
 *
 * @param warn - called for a file that other users can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export function openPassphrase(source: SecretSource | undefined, warn: Warn): PassphraseReader {
  if (source === undefined) return immediate(() => undefined, 'none');
  const named = { kind: 'passphrase', option: 'passphrase', warn } as const;
  if (typeof source === 'string') {
    // Unchanged: unlike a PIN, it may begin or end with whitespace, and a wrong one has no consequences.
    if (source === '') throw invalidSecretSource('passphrase', 'is empty');
    const passphrase = new Secret(source);
    return immediate(() => passphrase, PASSED);
  }
  if (typeof source === 'function') return askingFunction(source, named, checkSecret);
  return openSecretPlace(source, named);
}
