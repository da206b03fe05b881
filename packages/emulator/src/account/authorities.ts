import { createHmac, type X509Certificate } from 'node:crypto';
import { iotArn } from '../names/arns.ts';
import { certificateId } from '../pki/certificate-id.ts';
import { lookUp } from '../state/look-up.ts';
import type { CaCertificate } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { alreadyExistsError, awsError, type OperationContext } from './context.ts';
import { readCertificate } from './read-certificate.ts';
import { IOT_TAGS, type TagInput, taggedWith } from './tags.ts';

/** Operations of AWS IoT on certificate authorities. */
export interface AuthorityOperations {
  /** Returns the registration code: the required common name of a verification certificate. */
  getRegistrationCode(): string;
  /**
   * Registers a certificate authority.
   *
   * @throws {@link EmulatorError} `CertificateValidationException` for an invalid CA certificate,
   * `RegistrationCodeValidationException` for an invalid verification certificate, `InvalidRequestException` for a
   * missing one in the mode `DEFAULT`, `ResourceAlreadyExistsException`
   */
  registerCACertificate(input: {
    /** As PEM. */
    caCertificate: string;
    /** A certificate of that authority for the registration code, as PEM; not required in the mode `SNI_ONLY`. */
    verificationCertificate?: string | undefined;
    /** Default false: it is `INACTIVE`. */
    setAsActive?: boolean | undefined;
    /** Default `DEFAULT`. */
    certificateMode?: 'DEFAULT' | 'SNI_ONLY' | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): { certificateId: string; certificateArn: string };
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
    registerCACertificate(input) {
      const { verificationCertificate, setAsActive = false, certificateMode = 'DEFAULT' } = input;
      const ca = readCertificate(input.caCertificate);
      if (!ca.ca) {
        throw awsError('CertificateValidationException', 'the certificate is not a CA certificate');
      }
      if (verificationCertificate !== undefined) {
        const verification = readCertificate(verificationCertificate);
        const isProof =
          isIssuedBy(verification, ca) && hasName(verification, getRegistrationCode());
        if (!isProof) {
          throw awsError(
            'RegistrationCodeValidationException',
            'the verification certificate was not issued by the CA, or does not contain the registration code',
          );
        }
      } else if (certificateMode === 'DEFAULT') {
        throw awsError('InvalidRequestException', 'verificationCertificate is required');
      }
      const id = certificateId(ca.raw);
      const certificateArn = iotArn(state, `cacert/${id}`);
      if (lookUp(state.caCertificates, id)) {
        throw alreadyExistsError('The CA certificate is already registered', {
          resourceArn: certificateArn,
          resourceId: id,
        });
      }
      store.put('caCertificates', id, {
        certificateId: id,
        certificatePem: input.caCertificate,
        status: setAsActive ? 'ACTIVE' : 'INACTIVE',
        certificateMode,
        ...taggedWith(IOT_TAGS, input.tags),
      });
      return { certificateId: id, certificateArn };
    },
  };
}

/**
 * Returns the id of the registered, active authority that issued a certificate.
 *
 * @param caCertificatePem - the expected authority. Default: any
 * @throws {@link EmulatorError} `CertificateValidationException`
 */
export function findIssuer(
  state: State,
  certificatePem: string,
  caCertificatePem: string | undefined,
): string {
  const certificate = readCertificate(certificatePem);
  const issuer = candidates(state.caCertificates, caCertificatePem).find(
    (ca) => ca.status === 'ACTIVE' && isIssuedBy(certificate, readCertificate(ca.certificatePem)),
  );
  if (issuer !== undefined) return issuer.certificateId;
  throw awsError(
    'CertificateValidationException',
    'the certificate was not issued by a registered, active CA certificate',
  );
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
