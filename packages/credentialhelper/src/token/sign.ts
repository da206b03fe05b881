import { createHash, type KeyObject } from 'node:crypto';
import type { MechanismName } from '../pkcs11/pkcs11.ts';
import { withContext } from '../pkcs11/return-value.ts';
import { curveOf } from './curves.ts';
import type { PrivateKeyInToken } from './find-key.ts';
import { logInForSignature, type TokenSession } from './session.ts';

/** The hashes that signatures here are made over. */
export type Hash = 'sha256' | 'sha384' | 'sha512';

/** What it takes to sign with a key. */
type SigningKey = Pick<PrivateKeyInToken, 'handle' | 'alwaysAuthenticate'>;

/** The mechanisms that TLS asks a client's key for: ECDSA, RSA PKCS#1 v1.5, and raw RSA for RSA-PSS. */
export type SignMechanism = MechanismName & ('CKM_ECDSA' | 'CKM_RSA_PKCS' | 'CKM_RSA_X_509');

// The DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Lets a private key in a token sign what a mechanism takes as it is. A key that asks for the PIN at every signature
 * (`CKA_ALWAYS_AUTHENTICATE`) is given it.
 *
 * @returns the signature; for ECDSA r and s one after the other
 * @throws {@link CredentialHelperError} `ERR_PKCS11` where the key cannot sign that way
 */
export function signRaw(
  session: TokenSession,
  key: SigningKey,
  mechanism: SignMechanism,
  data: Uint8Array,
): Buffer {
  const { pkcs11, handle, context } = session;
  return withContext(context, () => {
    pkcs11.signInit(handle, mechanism, key.handle);
    if (key.alwaysAuthenticate) logInForSignature(session);
    return pkcs11.sign(handle, data);
  });
}

/** The hash that goes with a key: SHA-256 for RSA, the one of the curve's strength for EC. */
export function hashOf(publicKey: KeyObject): Hash {
  return curveOf(publicKey)?.hash ?? 'sha256';
}

/**
 * Lets a private key in a token sign a message: ECDSA with r and s one after the other, or RSA PKCS#1 v1.5 with SHA-256.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function signMessage(
  session: TokenSession,
  key: SigningKey & Pick<PrivateKeyInToken, 'isRsa'>,
  hash: Hash,
  message: Uint8Array,
): Buffer {
  const digest = createHash(hash).update(message).digest();
  return key.isRsa
    ? signRaw(session, key, 'CKM_RSA_PKCS', Buffer.concat([SHA256_DIGEST_INFO, digest]))
    : signRaw(session, key, 'CKM_ECDSA', digest);
}
