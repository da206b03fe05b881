import { X509Certificate } from 'node:crypto';
import { readContent } from '../pki/certificate-content.ts';
import { awsError } from './context.ts';

/** Of subject and issuer together: to read hundreds of them takes long. */
const MAX_ATTRIBUTES = 200;

/**
 * Parses a PEM certificate.
 *
 * @throws {@link EmulatorError} `CertificateValidationException`
 */
export function readCertificate(pem: string): X509Certificate {
  try {
    const certificate = new X509Certificate(pem);
    const { subject = '', issuer = '' } = certificate;
    if (`${subject}\n${issuer}`.split('\n').length > MAX_ATTRIBUTES) throw new Error('long name');
    // What the decision on credentials reads: a certificate without it would fail later.
    readContent(pem);
    return certificate;
  } catch (cause) {
    throw awsError(
      'CertificateValidationException',
      'not an X.509 certificate in PEM format',
      cause,
    );
  }
}
