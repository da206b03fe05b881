import { type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import type { Secret } from '../identity/secret.ts';
import type { PrivateKeyInToken, TokenSession } from './find.ts';
import { readNumber } from './objects.ts';
import { isGoodSignature, signInToken } from './sign.ts';

/**
 * Lets the key sign random bytes and checks the signature with the certificate.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH`; `ERR_PKCS11` where the key cannot sign
 */
export function proveKeyMatchesCertificate(
  session: TokenSession,
  key: PrivateKeyInToken,
  certificate: X509Certificate,
  pin?: Secret | null,
): void {
  if (keySignsFor(session, key, certificate.publicKey, pin)) return;
  throw new CredentialHelperError(
    `the private key "${key.attributes.object ?? ''}" of ${session.context.token} does not belong to ${describeCertificate(certificate)}`,
    {
      code: 'ERR_KEY_CERTIFICATE_MISMATCH',
      hint: 'use the key that was made together with this certificate',
    },
  );
}

/**
 * Lets the key sign random bytes and tells whether the public key finds the signature good.
 *
 * @param pin - for keys that want the PIN for each signature
 * @throws {@link CredentialHelperError} `ERR_PKCS11` where the key cannot sign
 */
export function keySignsFor(
  session: TokenSession,
  key: PrivateKeyInToken,
  publicKey: KeyObject,
  pin?: Secret | null,
): boolean {
  const { binding } = session.library;
  const isRsa = readNumber(session, key.handle, binding.CKA_KEY_TYPE) === binding.CKK_RSA;
  const request = {
    scheme: isRsa ? 'RSA PKCS#1 v1.5' : 'ECDSA',
    hash: 'sha256',
    message: randomBytes(32),
  } as const;
  const signature = signInToken(session, key.handle, request, pin);
  return isGoodSignature(publicKey, request, signature);
}
