import { constants, createHash, type KeyObject, verify } from 'node:crypto';
import type { Handle, Mechanism, RsaPSS } from 'pkcs11js';
import type { Pin } from '../identity/pin.ts';
import { curveOf } from './key-objects.ts';
import { readFlag } from './objects.ts';
import { withContext } from './pkcs11-error.ts';
import type { TokenSession } from './session.ts';

/** The kinds of signature that TLS asks a client's key for. */
export type SignatureScheme = 'ECDSA' | 'RSA PKCS#1 v1.5' | 'RSA-PSS';

/** The hashes that signatures here are made over. */
export type Hash = 'sha256' | 'sha384' | 'sha512';

// The DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

const SHA256_BYTES = 32;
const MAX_SIGNATURE_BYTES = 1024;

/** The schemes that keys of this kind can sign with, the one that tokens know best first. */
export function schemesOf(publicKey: KeyObject): readonly SignatureScheme[] {
  return publicKey.asymmetricKeyType === 'rsa' ? ['RSA PKCS#1 v1.5', 'RSA-PSS'] : ['ECDSA'];
}

/** The hash that goes with a key: SHA-256 for RSA, the one of the curve's strength for EC. */
export function hashOf(publicKey: KeyObject): Hash {
  return curveOf(publicKey)?.hash ?? 'sha256';
}

/**
 * Lets a private key in a token sign a message. ECDSA signatures come as the token makes them, r and s one after the
 * other.
 *
 * @param pin - for keys that want the PIN for each signature (`CKA_ALWAYS_AUTHENTICATE`)
 * @throws {@link CredentialHelperError} `ERR_PKCS11` where the key cannot sign that way
 */
export function signInToken(
  tokenSession: TokenSession,
  key: Handle,
  { scheme, hash, message }: { scheme: SignatureScheme; hash: Hash; message: Buffer },
  pin?: Pin,
): Buffer {
  const { library, session, context } = tokenSession;
  const { pkcs11, binding } = library;
  const digest = createHash(hash).update(message).digest();
  const [mechanism, data]: [Mechanism, Buffer] =
    scheme === 'ECDSA'
      ? [{ mechanism: binding.CKM_ECDSA }, digest]
      : scheme === 'RSA-PSS'
        ? [pssMechanism(library), digest]
        : [{ mechanism: binding.CKM_RSA_PKCS }, Buffer.concat([SHA256_DIGEST_INFO, digest])];
  const wantsPin = readFlag(tokenSession, key, binding.CKA_ALWAYS_AUTHENTICATE) === true;
  return withContext(context, () => {
    pkcs11.C_SignInit(session, mechanism, key);
    if (wantsPin) {
      pkcs11.C_Login(session, binding.CKU_CONTEXT_SPECIFIC, pin?.reveal() ?? '');
    }
    return pkcs11.C_Sign(session, data, Buffer.alloc(MAX_SIGNATURE_BYTES));
  });
}

function pssMechanism({ binding }: TokenSession['library']): Mechanism {
  // A salt as long as the digest: what TLS 1.3 demands (RFC 8446, section 4.2.3).
  const parameter: RsaPSS = {
    type: binding.CK_PARAMS_RSA_PSS,
    hashAlg: binding.CKM_SHA256,
    mgf: binding.CKG_MGF1_SHA256,
    saltLen: SHA256_BYTES,
  };
  return { mechanism: binding.CKM_RSA_PKCS_PSS, parameter };
}

/** Whether a signature of {@link signInToken} is good, as OpenSSL sees it. */
export function isGoodSignature(
  publicKey: KeyObject,
  { scheme, hash, message }: { scheme: SignatureScheme; hash: Hash; message: Buffer },
  signature: Buffer,
): boolean {
  if (!schemesOf(publicKey).includes(scheme)) return false;
  const key =
    scheme === 'RSA-PSS'
      ? { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SHA256_BYTES }
      : { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
  return verify(hash, message, key, signature);
}
