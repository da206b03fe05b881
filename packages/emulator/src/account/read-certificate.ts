import { X509Certificate } from 'node:crypto';
import { readContent } from '../pki/certificate-content.ts';
import { awsError } from './context.ts';

/**
 * Parses a PEM certificate.
 *
 * @throws {@link EmulatorError} `CertificateValidationException`
 */
export function readCertificate(pem: string): X509Certificate {
  try {
    // What the decision on credentials reads: a certificate without it would fail later.
    readContent(pem);
    return new X509Certificate(pem);
  } catch (cause) {
    throw awsError(
      'CertificateValidationException',
      'not an X.509 certificate in PEM format',
      cause,
    );
  }
}
