import { createHash, type KeyObject, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import type { PrivateKeyInToken } from './find.ts';
import { readFlag } from './objects.ts';
import { withContext } from './pkcs11-error.ts';
import type { TokenSession } from './session.ts';

// The DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

const MAX_SIGNATURE_BYTES = 1024;

/** A signature over random bytes, by which a key can be told. */
export interface KeyProof {
  /** Whether this is the public key of the key that signed. */
  isMadeBy(publicKey: KeyObject): boolean;
}

/**
 * Lets a key sign random bytes.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_UNSUITABLE` for a key that signs nothing, or only after a login of its
 * own; `ERR_PKCS11` where signing fails
 */
export function proveKey(tokenSession: TokenSession, key: PrivateKeyInToken): KeyProof {
  const { library, session, context } = tokenSession;
  const { pkcs11, binding } = library;
  assertCanSign(tokenSession, key);
  const message = randomBytes(32);
  const digest = createHash('sha256').update(message).digest();
  const signature = withContext(context, () => {
    const mechanism = key.isRsa ? binding.CKM_RSA_PKCS : binding.CKM_ECDSA;
    pkcs11.C_SignInit(session, { mechanism }, key.handle);
    return pkcs11.C_Sign(
      session,
      key.isRsa ? Buffer.concat([SHA256_DIGEST_INFO, digest]) : digest,
      Buffer.alloc(MAX_SIGNATURE_BYTES),
    );
  });
  return {
    isMadeBy: (publicKey) =>
      publicKey.asymmetricKeyType === (key.isRsa ? 'rsa' : 'ec') &&
      verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
  };
}

/**
 * Checks that a key has proven to be the one of a certificate.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function assertKeyOfCertificate(
  proof: KeyProof,
  certificate: X509Certificate,
  key: PrivateKeyInToken,
  { context }: TokenSession,
): void {
  if (proof.isMadeBy(certificate.publicKey)) return;
  throw new CredentialHelperError(
    `the private key "${key.attributes.object ?? ''}" of ${context.token} does not belong to ${describeCertificate(certificate)}`,
    {
      code: 'ERR_KEY_CERTIFICATE_MISMATCH',
      hint: 'use the key that was made together with this certificate',
    },
  );
}

function assertCanSign(session: TokenSession, { handle, attributes }: PrivateKeyInToken): void {
  const { library, context } = session;
  const name = `the private key "${attributes.object ?? ''}" of ${context.token}`;
  if (readFlag(session, handle, library.binding.CKA_SIGN) === false) {
    throw new CredentialHelperError(`${name} may not sign (CKA_SIGN is false)`, {
      code: 'ERR_KEY_UNSUITABLE',
      hint: 'TLS signs with the key; use one that may',
    });
  }
  if (readFlag(session, handle, library.binding.CKA_ALWAYS_AUTHENTICATE) === true) {
    throw new CredentialHelperError(
      `${name} wants the PIN again for each signature (CKA_ALWAYS_AUTHENTICATE is true)`,
      {
        code: 'ERR_KEY_UNSUITABLE',
        hint: 'neither the OpenSSL engine nor aws-crt gives it; make the key without this attribute (on a PIV card: another slot)',
      },
    );
  }
}
