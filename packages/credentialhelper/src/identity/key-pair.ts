import type { KeyObject, X509Certificate } from 'node:crypto';
import { isKeyObject } from 'node:util/types';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import { type Chain, chainForKey } from './certificate.ts';
import { otherPrivateKeys } from './private-key.ts';
import { type Source, sourceName } from './read-source.ts';
import type { Secret } from './secret.ts';

/**
 * Same as {@link chainForKey}, for a key that was read from `source`. If the key belongs to none of the certificates
 * and is the first of several in a file, the error names the one that does.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function chainForKeyOf(
  source: Source | KeyObject,
  key: KeyObject,
  certificates: readonly X509Certificate[],
  passphrase?: Secret,
): Chain {
  try {
    return chainForKey(certificates, key);
  } catch (error) {
    if (!isCredentialHelperError(error) || isKeyObject(source)) throw error;
    const others = otherPrivateKeys(source, passphrase);
    if (others.length === 0) throw error;
    const fitting = others.findIndex(
      (other) => other !== undefined && certificates.some((one) => one.checkPrivateKey(other)),
    );
    const which =
      fitting === -1
        ? 'none of the other readable keys belongs to it either'
        : `private key ${fitting + 2} belongs to it`;
    const where = sourceName(source, 'privateKey');
    throw new CredentialHelperError(
      `${error.message}; ${where} holds ${others.length + 1} private keys, of which the first is used: ${which}`,
      {
        code: error.code,
        cause: error,
        hint: fitting === -1 ? error.hint : 'pass a file that contains only that private key',
      },
    );
  }
}
