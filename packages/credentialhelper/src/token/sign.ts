import { createHash, type KeyObject } from 'node:crypto';
import type { MechanismName } from '../pkcs11/pkcs11.ts';
import { withContext } from '../pkcs11/return-value.ts';
import { curveOf } from './curves.ts';
import type { PrivateKeyInToken } from './find-key.ts';
import { logInForSignature, type TokenSession } from './session.ts';

/** The hash algorithms of signatures. */
export type Hash = 'sha256' | 'sha384' | 'sha512';

/** The parameters of a signature with a key. */
type SigningKey = Pick<PrivateKeyInToken, 'handle' | 'alwaysAuthenticate'>;

/** The mechanisms that TLS uses with a client key: ECDSA, RSA PKCS#1 v1.5, and raw RSA for RSA-PSS. */
export const SIGN_MECHANISMS = [
  'CKM_ECDSA',
  'CKM_RSA_PKCS',
  'CKM_RSA_X_509',
] as const satisfies readonly MechanismName[];

/** One of {@link SIGN_MECHANISMS}. */
export type SignMechanism = (typeof SIGN_MECHANISMS)[number];

// The DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Signs the input of a mechanism, unchanged, with a private key in a token. Logs in again for a key that asks for the
 * PIN at every signature (`CKA_ALWAYS_AUTHENTICATE`).
 *
 * @returns the signature; for ECDSA r and s concatenated
 * @throws {@link CredentialHelperError} `ERR_PKCS11` if the key does not support the mechanism
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

/** The hash algorithm for a key: SHA-256 for RSA, that of the curve's strength for EC. */
export function hashOf(publicKey: KeyObject): Hash {
  return curveOf(publicKey)?.hash ?? 'sha256';
}

/**
 * Signs a message with a private key in a token: ECDSA (r and s concatenated), or RSA PKCS#1 v1.5 with SHA-256.
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
