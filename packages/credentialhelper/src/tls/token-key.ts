import type { KeyObject } from 'node:crypto';
import type { Koffi, Pointer } from '../pkcs11/koffi.ts';
import { curveOf } from '../token/curves.ts';
import type { OpenTokenKey } from '../token/open-key.ts';
import {
  addOpenSslError,
  type OpenSsl,
  pointerTo,
  readMemory,
  registerCallback,
  tlsUnavailable,
  writeMemory,
} from './openssl.ts';

/** An OpenSSL key that signs with a token. */
export interface OpenSslKey {
  /** The `EVP_PKEY`. */
  readonly pkey: Pointer;
  /** The error of the last signature; undefined if it succeeded. */
  failure(): unknown;
  /** Releases the key; OpenSSL frees it with the last context that references it. */
  release(): void;
}

/** The token keys by the address of OpenSSL's key object; they share one callback. */
const entries = new Map<Pointer, { readonly token: OpenTokenKey; failure: unknown }>();

const RSA_PKCS1_PADDING = 1;
const NIDS: Readonly<Record<string, number>> = { 'P-256': 415, 'P-384': 715, 'P-521': 716 };

/**
 * Creates an OpenSSL key with a public part, no private part, and its own method which signs with the token
 * (`RSA_set_method(3)`, `EC_KEY_set_method(3)`). Nothing global is changed: no other key uses the method.
 */
export function createOpenSslKey(koffi: Koffi, openssl: OpenSsl, key: OpenTokenKey): OpenSslKey {
  const isRsa = key.publicKey.asymmetricKeyType === 'rsa';
  const pkey: Pointer = openssl.EVP_PKEY_new();
  const inner = isRsa
    ? createRsa(koffi, openssl, key.publicKey)
    : createEc(koffi, openssl, key.publicKey);
  const entry = { token: key, failure: undefined as unknown };
  entries.set(inner, entry);
  // Drops our reference: after this only the pkey holds the key.
  check(isRsa ? openssl.EVP_PKEY_set1_RSA(pkey, inner) : openssl.EVP_PKEY_set1_EC_KEY(pkey, inner));
  if (isRsa) openssl.RSA_free(inner);
  else openssl.EC_KEY_free(inner);
  return {
    pkey,
    failure: () => entry.failure,
    release() {
      // OpenSSL counts references: a second call would release that of the context.
      if (entries.delete(inner)) openssl.EVP_PKEY_free(pkey);
    },
  };
}

function createEc(koffi: Koffi, openssl: OpenSsl, publicKey: KeyObject): Pointer {
  const { crv = '', x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), base64url(x), base64url(y)]);
  const ec: Pointer = openssl.EC_KEY_new_by_curve_name(NIDS[crv]);
  check(openssl.EC_KEY_oct2key(ec, point, point.length, null));
  check(openssl.EC_KEY_set_method(ec, ecMethod(koffi, openssl)));
  return ec;
}

function createRsa(koffi: Koffi, openssl: OpenSsl, publicKey: KeyObject): Pointer {
  const { n, e } = publicKey.export({ format: 'jwk' });
  const number = (bytes: Buffer) => openssl.BN_bin2bn(bytes, bytes.length, null);
  const rsa: Pointer = openssl.RSA_new();
  check(openssl.RSA_set0_key(rsa, number(base64url(n)), number(base64url(e)), null));
  check(openssl.RSA_set_method(rsa, rsaMethod(koffi, openssl)));
  return rsa;
}

function base64url(text: string | undefined): Buffer {
  return Buffer.from(text ?? '', 'base64url');
}

function check(result: number): void {
  if (result !== 1) throw tlsUnavailable('OpenSSL refused the public key of the certificate');
}

// One method per key type and thread, never freed: contexts that are not freed yet reference it.
let ec: Pointer | undefined;
let rsa: Pointer | undefined;

function ecMethod(koffi: Koffi, openssl: OpenSsl): Pointer {
  if (ec !== undefined) return ec;
  ec = openssl.EC_KEY_METHOD_new(openssl.EC_KEY_OpenSSL()) as Pointer;
  // int sign(int type, const unsigned char *digest, int digestLength, unsigned char *signature,
  //          unsigned int *signatureLength, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
  const parameters = ['int', 'void *', 'int', 'void *', 'void *', 'void *', 'void *', 'void *'];
  const sign = registerCallback(koffi, parameters, (...args: readonly unknown[]) => {
    const [, digest, digestLength, signature, signatureLength, , , key] = args as [
      ...[number, Pointer, number, Pointer, Pointer, Pointer, Pointer, Pointer],
    ];
    return guarded(koffi, openssl, key, 0, (token) => {
      // A digest longer than the curve's order is truncated (FIPS 186-5, section 6.4.1).
      const { size = digestLength } = curveOf(token.publicKey) ?? {};
      const data = readMemory(koffi, digest, Math.min(digestLength, size));
      const raw = token.sign('CKM_ECDSA', data);
      koffi.encode(signatureLength, 'uint', writeEcdsa(koffi, openssl, raw, signature));
      return 1;
    });
  });
  openssl.EC_KEY_METHOD_set_sign(ec, sign, null, null);
  return ec;
}

/** Encodes a signature as DER (RFC 5480, appendix A), from r and s concatenated. */
function writeEcdsa(koffi: Koffi, openssl: OpenSsl, raw: Buffer, target: Pointer): number {
  const half = raw.length / 2;
  const [r, s] = [raw.subarray(0, half), raw.subarray(half)].map((part) =>
    openssl.BN_bin2bn(part, half, null),
  );
  const signature: Pointer = openssl.ECDSA_SIG_new();
  openssl.ECDSA_SIG_set0(signature, r, s);
  const length = openssl.i2d_ECDSA_SIG(signature, pointerTo(koffi, target));
  openssl.ECDSA_SIG_free(signature);
  return length;
}

function rsaMethod(koffi: Koffi, openssl: OpenSsl): Pointer {
  if (rsa !== undefined) return rsa;
  rsa = openssl.RSA_meth_dup(openssl.RSA_PKCS1_OpenSSL()) as Pointer;
  // int priv_enc(int length, const unsigned char *from, unsigned char *to, RSA *key, int padding)
  const parameters = ['int', 'void *', 'void *', 'void *', 'int'];
  const encrypt = registerCallback(koffi, parameters, (...args: readonly unknown[]) => {
    const [length, from, to, key, padding] = args as [number, Pointer, Pointer, Pointer, number];
    return guarded(koffi, openssl, key, -1, (token) => {
      const mechanism = padding === RSA_PKCS1_PADDING ? 'CKM_RSA_PKCS' : 'CKM_RSA_X_509';
      const signature = token.sign(mechanism, readMemory(koffi, from, length));
      writeMemory(koffi, to, signature);
      return signature.length;
    });
  });
  openssl.RSA_meth_set_priv_enc(rsa, encrypt);
  openssl.RSA_meth_set_flags(rsa, 0);
  return rsa;
}

/** No exception may pass through OpenSSL: the error of the token is stored, and added to OpenSSL's error queue. */
function guarded(
  koffi: Koffi,
  openssl: OpenSsl,
  address: Pointer,
  failed: 0 | -1,
  sign: (token: OpenTokenKey) => number,
): number {
  const entry = entries.get(address);
  try {
    if (entry === undefined) throw new Error('the key in the token has been closed');
    const result = sign(entry.token);
    entry.failure = undefined;
    return result;
  } catch (error) {
    if (entry !== undefined) entry.failure = error;
    addOpenSslError(koffi, openssl, (error as Error).message);
    // After Node.js has read the errors, before it emits them: none is left for other users of OpenSSL.
    process.nextTick(() => openssl.ERR_clear_error());
    return failed;
  }
}
