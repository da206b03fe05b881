import type { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Logger } from '@smithy/types';
import {
  certificateDateProblem,
  chainForKey,
  readCertificates,
  toPem,
} from '../identity/certificate.ts';
import { readPrivateKey } from '../identity/private-key.ts';
import { type Source, sourceName } from '../identity/read-source.ts';
import type { FileKeySettings, Settings, TokenKeySettings } from '../options.ts';
import { createContext } from './secure-context.ts';

/** Where a certificate outside its dates is warned of. */
type Log = Logger | undefined;

/**
 * Reads certificate and key, and creates a TLS context with them.
 *
 * @throws {@link CredentialHelperError} for what cannot be read, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function openFileContext(
  key: FileKeySettings,
  { ca, logger, warn }: Pick<Settings, 'ca' | 'logger' | 'warn'>,
): { readonly secureContext: SecureContext; readonly certificate: X509Certificate } {
  const privateKey = readPrivateKey(key.source, key.passphrase, { warn });
  const certificates = readCertificates(key.certificate, 'certificate');
  const chain = chainForKey(certificates, privateKey);
  warnOfDates(chain, logger);
  const options = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ...(ca === undefined ? {} : { ca: readCa(ca) }),
  };
  const from = sourceName(key.certificate, 'certificate');
  const secureContext = createContext(chain, options, from);
  return { secureContext, certificate: chain[0] as X509Certificate };
}

/** Reads the certificate of a key in a token from its file, or says what the one in the token must match. */
export function readTokenCertificate({ certificate }: TokenKeySettings, logger: Log) {
  if ('match' in certificate) return certificate;
  const chain = readCertificates(certificate.source, 'certificate');
  warnOfDates(chain, logger);
  return { chain: toPem(chain) };
}

/** Reads the CA certificates to trust, as PEM. */
export function readCa(ca: Source): string {
  return toPem(readCertificates(ca, 'ca', 'ERR_CA_INVALID'));
}

function warnOfDates([certificate]: readonly X509Certificate[], logger: Log): void {
  const problem = certificate && certificateDateProblem(certificate, Date.now());
  if (problem !== undefined) logger?.warn(problem);
}
