import { createHmac, type X509Certificate } from 'node:crypto';
import { iotArn } from '../names/arns.ts';
import { certificateId } from '../pki/pki.ts';
import { type CaCertificate, lookUp } from '../state/state.ts';
import { readCertificate } from './certificates.ts';
import { failure, type OperationContext, present } from './context.ts';

/** Operations of AWS IoT on the certificate authorities of an account. */
export interface AuthorityOperations {
  /** What the verification certificate of an authority has as its common name. */
  getRegistrationCode(): string;
  /** Without a verification certificate the authority must be `SNI_ONLY`. */
  registerCaCertificate(input: {
    caCertificate: string;
    verificationCertificate?: string | undefined;
    setAsActive?: boolean | undefined;
    certificateMode?: 'DEFAULT' | 'SNI_ONLY' | undefined;
  }): { certificateId: string; certificateArn: string };
  /** The id of the registered, active authority that issued a certificate. */
  findIssuer(input: { certificatePem: string; caCertificatePem?: string | undefined }): string;
}

/** The operations on certificate authorities over the stored state. */
export function authorityOperations({ store }: OperationContext): AuthorityOperations {
  const { state } = store;
  const getRegistrationCode = () =>
    createHmac('sha256', Buffer.from(state.sealingKey, 'hex'))
      .update('registration code')
      .digest('hex');
  return {
    getRegistrationCode,
    registerCaCertificate(input) {
      const { verificationCertificate, setAsActive = false, certificateMode = 'DEFAULT' } = input;
      const ca = readCertificate(input.caCertificate);
      if (!ca.ca) {
        throw failure('CertificateValidationException', 'the certificate is not of an authority');
      }
      if (verificationCertificate !== undefined) {
        const verification = readCertificate(verificationCertificate);
        const isProof =
          isIssuedBy(verification, ca) && hasName(verification, getRegistrationCode());
        if (!isProof) {
          throw failure(
            'RegistrationCodeValidationException',
            'the authority did not issue the verification certificate, or that does not name the registration code',
          );
        }
      } else if (certificateMode === 'DEFAULT') {
        throw failure('InvalidRequestException', 'verificationCertificate is required');
      }
      const id = certificateId(ca.raw);
      if (lookUp(state.caCertificates, id)) throw present(`CA certificate ${id}`);
      store.put('caCertificates', id, {
        certificateId: id,
        certificatePem: input.caCertificate,
        status: setAsActive ? 'ACTIVE' : 'INACTIVE',
        certificateMode,
      });
      return { certificateId: id, certificateArn: iotArn(state, `cacert/${id}`) };
    },
    findIssuer({ certificatePem, caCertificatePem }) {
      const certificate = readCertificate(certificatePem);
      const issuers = candidates(state.caCertificates, caCertificatePem).filter(
        (ca) =>
          ca.status === 'ACTIVE' && isIssuedBy(certificate, readCertificate(ca.certificatePem)),
      );
      if (issuers[0] === undefined) {
        throw failure(
          'CertificateValidationException',
          'the certificate was not issued by a registered, active CA certificate',
        );
      }
      return issuers[0].certificateId;
    },
  };
}

function candidates(
  registered: Readonly<Record<string, CaCertificate>>,
  pem: string | undefined,
): readonly CaCertificate[] {
  if (pem === undefined) return Object.values(registered);
  const one = lookUp(registered, certificateId(readCertificate(pem).raw));
  return one === undefined ? [] : [one];
}

function isIssuedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

function hasName(certificate: X509Certificate, name: string): boolean {
  return certificate.subject.split('\n').includes(`CN=${name}`);
}
