import { X509Certificate } from 'node:crypto';
import { awsError } from './context.ts';

/**
 * Parses a PEM certificate.
 *
 * @throws {@link EmulatorError} `CertificateValidationException`
 */
export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw awsError(
      'CertificateValidationException',
      'not an X.509 certificate in PEM format',
      cause,
    );
  }
}
