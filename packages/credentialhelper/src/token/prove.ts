import { type KeyObject, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate, leafFirst } from '../identity/certificate.ts';
import type { PrivateKeyInToken } from './find-key.ts';
import { readFlag } from './objects.ts';
import type { TokenSession } from './session.ts';
import { signMessage } from './sign.ts';

/** A signature over random bytes, which identifies a key. */
export interface KeyProof {
  /** Whether this is the public key of the key that signed. */
  isMadeBy(publicKey: KeyObject): boolean;
}

/**
 * Signs random bytes with a key.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_UNSUITABLE` for a key that is not permitted to sign; `ERR_PKCS11` if
 * signing fails
 */
export function proveKey(session: TokenSession, key: PrivateKeyInToken): KeyProof {
  if (readFlag(session, key.handle, 'CKA_SIGN') === false) {
    throw new CredentialHelperError(
      `the private key ${key.name} of ${session.context.token} is not permitted to sign (CKA_SIGN is false)`,
      { code: 'ERR_KEY_UNSUITABLE', hint: 'TLS signs with the key; use one with CKA_SIGN true' },
    );
  }
  const message = randomBytes(32);
  const signature = signMessage(session, key, 'sha256', message);
  return {
    isMadeBy: (publicKey) =>
      publicKey.asymmetricKeyType === (key.isRsa ? 'rsa' : 'ec') &&
      verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
  };
}

/**
 * The chain as TLS sends it: the certificate that belongs to the key first, then the others in their order.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH` if no certificate belongs to the key
 */
export function chainForProof(
  proof: KeyProof,
  certificates: readonly X509Certificate[],
  key: PrivateKeyInToken,
  { context }: TokenSession,
): readonly X509Certificate[] {
  const chain = leafFirst(certificates, ({ publicKey }) => proof.isMadeBy(publicKey));
  if (chain !== undefined) return chain;
  throw new CredentialHelperError(
    `the private key ${key.name} of ${context.token} does not belong to ${describeCertificate(certificates[0])}`,
    {
      code: 'ERR_KEY_CERTIFICATE_MISMATCH',
      hint: 'use the certificate that was issued for this key or its CSR',
    },
  );
}
