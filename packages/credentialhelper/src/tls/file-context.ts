import type { SecureContext, SecureContextOptions } from 'node:tls';
import { parseCertificates, readCertificates, toPem } from '../identity/certificate.ts';
import type { CertificateDates } from '../identity/certificate-dates.ts';
import { chainForKeyOf } from '../identity/key-pair.ts';
import { readPrivateKeyAndPem } from '../identity/private-key.ts';
import { readSource, type Source, sourceName } from '../identity/read-source.ts';
import type { Secret } from '../identity/secret.ts';
import type { FileKeySettings, Settings, TokenKeySettings } from '../options/options.ts';
import { createContext } from './secure-context.ts';

/**
 * A certificate with its chain, and the private key that belongs to it, as PEM: a session keeps them, and parsed ones
 * take ten times the memory.
 */
export interface KeyPair {
  /** The certificate first. */
  readonly chain: string;
  /** Not encrypted. */
  readonly key: string;
  /** The name of the certificate's source in messages. */
  readonly from: string;
}

/**
 * Reads certificate and key.
 *
 * @param passphrase - of an encrypted key
 * @param dates - checks the certificate
 * @throws {@link CredentialHelperError} for unreadable files, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function readKeyPair(
  key: FileKeySettings,
  passphrase: Secret | undefined,
  { warn }: Pick<Settings, 'warn'>,
  dates: CertificateDates,
): KeyPair {
  const { key: privateKey, pem } = readPrivateKeyAndPem(key.source, passphrase, { warn });
  const certificates = readCertificates(key.certificate, 'certificate');
  const chain = chainForKeyOf(key.source, privateKey, certificates, passphrase);
  dates.see(chain[0]);
  return {
    chain: toPem(chain),
    key: pem,
    from: sourceName(key.certificate, 'certificate'),
  };
}

/**
 * Creates a TLS context with a certificate and its key.
 *
 * @throws {@link CredentialHelperError} `ERR_CERTIFICATE_INVALID` if OpenSSL rejects the certificate
 */
export function createFileContext(
  { chain, key, from }: KeyPair,
  options: SecureContextOptions,
): SecureContext {
  return createContext(chain, { key, ...options }, from);
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

/** The CA certificates that were read last: most sessions of a process trust the same. */
let lastCa: { readonly bytes: Buffer; readonly pem: string } | undefined;

/**
 * Reads the CA certificates to trust, as PEM.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_CA_INVALID`
 */
export function readCa(ca: Source): string {
  const content = readSource(ca, 'ca');
  const { bytes } = content;
  if (lastCa === undefined || !lastCa.bytes.equals(bytes)) {
    lastCa = { bytes, pem: toPem(parseCertificates(content, 'ERR_CA_INVALID')) };
  }
  return lastCa.pem;
}
