import type { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { readCertificates, toPem } from '../identity/certificate.ts';
import type { CertificateDates } from '../identity/certificate-dates.ts';
import { chainForKeyOf } from '../identity/key-pair.ts';
import { readPrivateKey } from '../identity/private-key.ts';
import { type Source, sourceName } from '../identity/read-source.ts';
import type { Secret } from '../identity/secret.ts';
import type { FileKeySettings, Settings, TokenKeySettings } from '../options/options.ts';
import { createContext } from './secure-context.ts';

/** A certificate with its chain, and the private key that belongs to it. */
export interface KeyPair {
  readonly chain: readonly X509Certificate[];
  /** PKCS#8, as PEM. */
  readonly key: string;
  /** The name of the certificate's source in messages. */
  readonly from: string;
}

/**
 * Reads certificate and key.
 *
 * @param passphrase - of an encrypted key
 * @throws {@link CredentialHelperError} for unreadable files, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function readKeyPair(
  key: FileKeySettings,
  passphrase: Secret | undefined,
  { warn }: Pick<Settings, 'warn'>,
): KeyPair {
  const privateKey = readPrivateKey(key.source, passphrase, { warn });
  const certificates = readCertificates(key.certificate, 'certificate');
  return {
    chain: chainForKeyOf(key.source, privateKey, certificates, passphrase),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    from: sourceName(key.certificate, 'certificate'),
  };
}

/**
 * Creates a TLS context with a certificate and its key.
 *
 * @throws {@link CredentialHelperError} for an unreadable CA, and a certificate that OpenSSL rejects
 */
export function openFileContext(
  { chain, key, from }: KeyPair,
  { ca }: Pick<Settings, 'ca'>,
  dates: CertificateDates,
): { readonly secureContext: SecureContext; readonly certificate: X509Certificate } {
  const [certificate] = chain as readonly [X509Certificate];
  dates.see(certificate);
  const options = { key, ...(ca === undefined ? {} : { ca: readCa(ca) }) };
  return { secureContext: createContext(chain, options, from), certificate };
}

/** Reads the certificate of a key in a token from its file, or returns the attributes of the one in the token. */
export function readTokenCertificate({ certificate }: TokenKeySettings, dates: CertificateDates) {
  if ('match' in certificate) return certificate;
  const chain = readCertificates(certificate.source, 'certificate');
  // Only the token shows which of them belongs to the key.
  const own = chain.find(({ ca }) => !ca) ?? chain[0];
  if (own !== undefined) dates.see(own);
  return { chain: toPem(chain) };
}

/** Reads the CA certificates to trust, as PEM. */
export function readCa(ca: Source): string {
  return toPem(readCertificates(ca, 'ca', 'ERR_CA_INVALID'));
}
