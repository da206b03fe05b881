import { X509Certificate } from 'node:crypto';
import { iotArn } from '../names/arns.ts';
import {
  certificateId,
  DEVICE_KEYS,
  isDeviceKey,
  issueDeviceCertificate,
  issueFromRequest,
  type KeyType,
} from '../pki/pki.ts';
import { type Certificate, type CertificateStatus, lookUp } from '../state/state.ts';
import { failure, getCertificate, type OperationContext, present } from './context.ts';

/** What {@link CertificateOperations.createKeysAndCertificate} gives, as AWS IoT does. */
export interface KeysAndCertificate {
  readonly certificateId: string;
  readonly certificateArn: string;
  readonly certificatePem: string;
  readonly keyPair: {
    readonly PublicKey: string;
    /** PKCS#1 for RSA, SEC1 for EC. */
    readonly PrivateKey: string;
  };
}

/** Operations of AWS IoT on certificates. */
export interface CertificateOperations {
  /** `keyType` is an addition of the emulator; AWS IoT makes RSA keys. */
  createKeysAndCertificate(input?: {
    setAsActive?: boolean | undefined;
    keyType?: KeyType;
  }): Promise<KeysAndCertificate>;
  createCertificateFromCsr(input: {
    certificateSigningRequest: string;
    setAsActive?: boolean | undefined;
  }): Promise<Omit<KeysAndCertificate, 'keyPair'>>;
  /** Registers a certificate that was made elsewhere, without its CA, unless that is named by its id. */
  registerCertificate(input: {
    certificatePem: string;
    status?: CertificateStatus | undefined;
    caCertificateId?: string | undefined;
  }): {
    certificateId: string;
    certificateArn: string;
  };
  describeCertificate(input: { certificateId: string }): Certificate & {
    readonly certificateArn: string;
  };
  updateCertificate(input: { certificateId: string; newStatus: CertificateStatus }): void;
  deleteCertificate(input: { certificateId: string; forceDelete?: boolean | undefined }): void;
}

/** The operations on certificates over the stored state. */
export function certificateOperations({ store, now }: OperationContext): CertificateOperations {
  const { state } = store;
  const statusOf = (setAsActive: boolean) => (setAsActive ? 'ACTIVE' : 'INACTIVE');
  const arn = (id: string) => iotArn(state, `cert/${id}`);
  const operations: CertificateOperations = {
    async createKeysAndCertificate({ setAsActive = false, keyType = 'RSA-2048' } = {}) {
      const issued = await issueDeviceCertificate(state.pki.deviceCa, keyType, now());
      const { certificatePem } = issued;
      return {
        ...operations.registerCertificate({ certificatePem, status: statusOf(setAsActive) }),
        certificatePem,
        keyPair: { PublicKey: issued.publicKeyPem, PrivateKey: issued.privateKeyPem },
      };
    },
    async createCertificateFromCsr({ certificateSigningRequest, setAsActive = false }) {
      const { deviceCa } = state.pki;
      const certificatePem = await issueFromRequest(deviceCa, certificateSigningRequest, now());
      return {
        ...operations.registerCertificate({ certificatePem, status: statusOf(setAsActive) }),
        certificatePem,
      };
    },
    registerCertificate({ certificatePem, status = 'INACTIVE', caCertificateId }) {
      const { raw, publicKey } = readCertificate(certificatePem);
      if (!isDeviceKey(publicKey)) {
        throw failure('CertificateValidationException', `the key is not ${DEVICE_KEYS}`);
      }
      const id = certificateId(raw);
      if (lookUp(state.certificates, id)) throw present(`certificate ${id}`);
      const creationMs = now();
      store.put('certificates', id, {
        certificateId: id,
        certificatePem,
        status,
        policyNames: [],
        thingNames: [],
        creationMs,
        lastModifiedMs: creationMs,
        ...(caCertificateId !== undefined && { caCertificateId }),
      });
      return { certificateId: id, certificateArn: arn(id) };
    },
    describeCertificate({ certificateId: id }) {
      return { ...getCertificate(state, id), certificateArn: arn(id) };
    },
    updateCertificate({ certificateId: id, newStatus }) {
      const certificate = getCertificate(state, id);
      store.put('certificates', id, { ...certificate, status: newStatus, lastModifiedMs: now() });
    },
    deleteCertificate({ certificateId: id, forceDelete = false }) {
      const certificate = getCertificate(state, id);
      if (certificate.status === 'ACTIVE') {
        throw failure(
          'CertificateStateException',
          `Certificate must be deactivated (not ACTIVE) before deletion (id=${id})`,
        );
      }
      if ((certificate.thingNames ?? []).length > 0) {
        throw failure(
          'DeleteConflictException',
          `Things must be detached before deletion (arn=${arn(id)})`,
        );
      }
      if (certificate.policyNames.length > 0 && !forceDelete) {
        throw failure(
          'DeleteConflictException',
          `Certificate policies must be detached before deletion (arn=${arn(id)})`,
        );
      }
      store.remove('certificates', id);
    },
  };
  return operations;
}

/**
 * Reads a certificate in PEM form.
 *
 * @throws `CertificateValidationException`
 */
export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw failure('CertificateValidationException', 'not an X.509 certificate in PEM form', cause);
  }
}
