import type { SecureContext, SecureContextOptions } from 'node:tls';
import { inspect } from 'node:util';
import { toPem } from '../identity/certificate.ts';
import type { Koffi, Pointer } from '../pkcs11/koffi.ts';
import type { OpenTokenKey } from '../token/open-key.ts';
import { findOpenSsl, type OpenSsl, pointerTo, tlsUnavailable } from './openssl.ts';
import { createContext } from './secure-context.ts';
import { createOpenSslKey } from './token-key.ts';

/** A TLS context whose private key is in a token. */
export interface TokenContext {
  readonly secureContext: SecureContext;
  /** The error of the token in the last handshake that failed; undefined if the token signed. */
  failure(): unknown;
  /** Releases the key: the context can no longer sign. */
  release(): void;
}

/**
 * For a token without raw RSA: TLS 1.2 without RSA-PSS, which a server could otherwise choose (RFC 8446, section
 * 4.2.3, also for TLS 1.2).
 */
const WITHOUT_RSA_PSS: SecureContextOptions = {
  maxVersion: 'TLSv1.2',
  sigalgs: 'RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512',
};

/**
 * Creates a TLS context with the certificate alone, and sets a key in its OpenSSL context (`SSL_CTX`) that signs with
 * the token.
 *
 * @throws {@link CredentialHelperError} `ERR_TLS_UNAVAILABLE` if this runtime's TLS does not support that
 */
export function createTokenContext(
  koffi: Koffi,
  key: OpenTokenKey,
  options: SecureContextOptions,
): TokenContext {
  const openssl = findOpenSsl(koffi);
  const secureContext = createContext(toPem(key.chain), {
    ...options,
    ...(key.signsForTls13 ? {} : WITHOUT_RSA_PSS),
  });
  const address = addressOf(secureContext);
  const [own] = key.chain;
  // Guards against a wrong address: its certificate must be ours.
  if (own === undefined || !certificateIn(koffi, openssl, address).equals(own.raw)) {
    throw tlsUnavailable('the context behind the SecureContext is not the expected one');
  }
  const { pkey, failure, release } = createOpenSslKey(koffi, openssl, key);
  if (openssl.SSL_CTX_use_PrivateKey(address, pkey) !== 1) {
    release();
    throw tlsUnavailable('OpenSSL refused the key');
  }
  return { secureContext, failure, release };
}

/** The address of the `SSL_CTX` of a context, which Node.js provides for addons. */
function addressOf(secureContext: SecureContext): Pointer {
  const { context } = secureContext as SecureContext & { context?: { _external?: unknown } };
  const hex = /^\[External: (?:0x)?([0-9a-f]+)\]$/i.exec(inspect(context?._external))?.[1];
  const address = BigInt(`0x${hex ?? 0}`);
  if (address === 0n) throw tlsUnavailable('it does not show the context behind a SecureContext');
  return address;
}

function certificateIn(koffi: Koffi, openssl: OpenSsl, address: Pointer): Buffer {
  const certificate: Pointer | null = openssl.SSL_CTX_get0_certificate(address);
  if (certificate === null) return Buffer.alloc(0);
  const der = Buffer.alloc(openssl.i2d_X509(certificate, null));
  openssl.i2d_X509(certificate, pointerTo(koffi, koffi.address(der)));
  return der;
}
