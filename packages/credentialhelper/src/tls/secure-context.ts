import type { X509Certificate } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate, readCertificates, weakHash } from '../identity/certificate.ts';
import { keyKind } from '../identity/key-kind.ts';

/** OpenSSL's errors for a certificate that its security level rejects (SSL_CTX_set_security_level(3)). */
const TOO_WEAK = /_(MD_TOO_WEAK|KEY_TOO_SMALL)$/;

/**
 * Creates a TLS context for TLS 1.2 and later with a certificate chain.
 *
 * @param chain - PEM
 * @param from - the name of the source of the certificates in messages
 * @throws {@link CredentialHelperError} `ERR_CERTIFICATE_INVALID` if OpenSSL rejects the certificate
 */
export function createContext(
  chain: string,
  options: SecureContextOptions,
  from?: string,
): SecureContext {
  // A static import would make Node.js parse all its CA certificates, for "rootCertificates".
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', cert: chain, ...options });
  } catch (cause) {
    throw refused(chain, from, cause as NodeJS.ErrnoException);
  }
}

/**
 * Marks a TLS context for one connection, as Node.js marks those that `tls.connect` creates: their memory is released
 * with the connection, and not with a later garbage collection, which does not know how large they are.
 *
 * Only for one that is connected: for the next address of a name, Node.js uses the same context again.
 */
export function releaseWithConnection(context: SecureContext): void {
  Object.assign(context, { singleUse: true });
}

function refused(pem: string, from: string | undefined, cause: NodeJS.ErrnoException) {
  const { code = '', message } = cause;
  const chain = readCertificates(pem, 'certificate');
  const { certificate, why } = blame(chain, code) ?? { certificate: chain[0], why: message };
  return new CredentialHelperError(
    `the TLS of this Node.js does not accept ${describeCertificate(certificate)}${from === undefined ? '' : ` from ${from}`}: ${why}`,
    {
      code: 'ERR_CERTIFICATE_INVALID',
      cause,
      hint: TOO_WEAK.test(code)
        ? 'have a certificate issued that is signed with SHA-256, for a key of RSA 2048 or larger, or an EC key'
        : undefined,
    },
  );
}

/** Finds the certificate of the chain that is too weak, and why: OpenSSL does not report which. */
function blame([own, ...others]: readonly X509Certificate[], code: string) {
  if (own === undefined || !TOO_WEAK.test(code)) return undefined;
  if (code.endsWith('KEY_TOO_SMALL')) {
    const isSmall = ({ publicKey }: X509Certificate) => !keyKind(publicKey).accepted;
    const certificate = code.includes('_CA_') ? (others.find(isSmall) ?? own) : own;
    return { certificate, why: `its key is too small (${keyKind(certificate.publicKey).name})` };
  }
  // The signature of a self-signed certificate does not count.
  const certificate = [own, ...others].find(
    (one) => weakHash(one) !== undefined && !one.checkIssued(one),
  );
  const hash = certificate && weakHash(certificate);
  return {
    certificate: certificate ?? own,
    why: `its signature uses ${hash ?? 'a hash that is too weak'}`,
  };
}
