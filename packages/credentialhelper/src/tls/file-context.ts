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

/**
 * Reads certificate and key, and creates a TLS context with them.
 *
 * @param passphrase - of an encrypted key
 * @throws {@link CredentialHelperError} for unreadable files, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function openFileContext(
  key: FileKeySettings,
  passphrase: Secret | undefined,
  { ca, warn }: Pick<Settings, 'ca' | 'warn'>,
  dates: CertificateDates,
): { readonly secureContext: SecureContext; readonly certificate: X509Certificate } {
  const privateKey = readPrivateKey(key.source, passphrase, { warn });
  const certificates = readCertificates(key.certificate, 'certificate');
  const chain = chainForKeyOf(key.source, privateKey, certificates, passphrase);
  const [certificate] = chain as [X509Certificate];
  dates.see(certificate);
  const options = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ...(ca === undefined ? {} : { ca: readCa(ca) }),
  };
  const from = sourceName(key.certificate, 'certificate');
  const secureContext = createContext(chain, options, from);
  return { secureContext, certificate };
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
