import { createHash, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import type { PrivateKeyInToken, TokenSession } from './find.ts';
import { withContext } from './pkcs11-error.ts';

// The DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

const MAX_SIGNATURE_BYTES = 1024;

/**
 * Lets the key sign random bytes and checks the signature with the certificate.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH`; `ERR_PKCS11` where the key cannot sign
 */
export function proveKeyMatchesCertificate(
  { library, session, context }: TokenSession,
  key: PrivateKeyInToken,
  certificate: X509Certificate,
): void {
  const { pkcs11, binding } = library;
  const message = randomBytes(32);
  const digest = createHash('sha256').update(message).digest();
  const { publicKey } = certificate;
  const keyType = withContext(context, () =>
    pkcs11.C_GetAttributeValue(session, key.handle, [{ type: binding.CKA_KEY_TYPE }]),
  )[0]?.value as Buffer | undefined;
  const isRsa = keyType?.every((byte) => byte === binding.CKK_RSA) ?? false;
  const signature = withContext(context, () => {
    const mechanism = isRsa ? binding.CKM_RSA_PKCS : binding.CKM_ECDSA;
    pkcs11.C_SignInit(session, { mechanism }, key.handle);
    return pkcs11.C_Sign(
      session,
      isRsa ? Buffer.concat([SHA256_DIGEST_INFO, digest]) : digest,
      Buffer.alloc(MAX_SIGNATURE_BYTES),
    );
  });
  const matches =
    publicKey.asymmetricKeyType === (isRsa ? 'rsa' : 'ec') &&
    verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  if (!matches) {
    throw new CredentialHelperError(
      `the private key "${key.attributes.object ?? ''}" of ${context.token} does not belong to ${describeCertificate(certificate)}`,
      {
        code: 'ERR_KEY_CERTIFICATE_MISMATCH',
        hint: 'use the key that was made together with this certificate',
      },
    );
  }
}
