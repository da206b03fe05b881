import { iotArn } from '../names/arns.ts';
import { certificateId } from '../pki/certificate-id.ts';
import { issueDeviceCertificate, issueFromRequest } from '../pki/device-certificates.ts';
import { isDeviceKey, type KeyType } from '../pki/keys.ts';
import { lookUp } from '../state/look-up.ts';
import type { Certificate, CertificateStatus } from '../state/records.ts';
import { findIssuer } from './authorities.ts';
import { alreadyExistsError, awsError, getCertificate, type OperationContext } from './context.ts';
import { inCreationOrder, sequenceFrom } from './creation-order.ts';
import { readCertificate } from './read-certificate.ts';

/** The identifiers of a registered certificate. */
export interface RegisteredCertificate {
  /** The SHA-256 of the certificate's DER encoding, as 64 hexadecimal digits. */
  readonly certificateId: string;
  /** Its ARN. */
  readonly certificateArn: string;
}

/** The result of {@link CertificateOperations.createKeysAndCertificate}. */
export interface KeysAndCertificate extends RegisteredCertificate {
  /** The certificate as PEM. */
  readonly certificatePem: string;
  /** The key pair of the certificate; the members have AWS's names. */
  readonly keyPair: {
    /** SPKI, as PEM. */
    readonly PublicKey: string;
    /** PKCS#1 for RSA, SEC1 for EC, as PEM. */
    readonly PrivateKey: string;
  };
}

/** Operations of AWS IoT on certificates. */
export interface CertificateOperations {
  /**
   * Creates a key pair and its certificate.
   *
   * @throws {@link EmulatorError} (as a rejection) `InvalidRequestException` for an unsupported key type
   */
  createKeysAndCertificate(input?: {
    /** Default false: the certificate is `INACTIVE`. */
    setAsActive?: boolean | undefined;
    /** An addition of the emulator. Default `RSA-2048`, as in AWS IoT. */
    keyType?: KeyType;
  }): Promise<KeysAndCertificate>;
  /**
   * Creates a certificate for a certificate signing request.
   *
   * @throws {@link EmulatorError} (as a rejection) `InvalidRequestException` for an invalid request or signature, and
   * a key that AWS IoT does not support
   */
  createCertificateFromCsr(input: {
    /** As PEM. */
    certificateSigningRequest: string;
    /** Default false: the certificate is `INACTIVE`. */
    setAsActive?: boolean | undefined;
  }): Promise<Omit<KeysAndCertificate, 'keyPair'>>;
  /**
   * Registers a certificate that a registered, active authority issued.
   *
   * @throws {@link EmulatorError} `CertificateValidationException` for any other certificate, or one with a key that
   * AWS IoT does not support, `ResourceAlreadyExistsException`
   */
  registerCertificate(input: {
    /** As PEM. */
    certificatePem: string;
    /** The authority that issued it, as PEM. Default: any that is registered. */
    caCertificatePem?: string | undefined;
    /** Used without `status`. Default false: the certificate is `INACTIVE`. */
    setAsActive?: boolean | undefined;
    /** Default: set by `setAsActive`. */
    status?: CertificateStatus | undefined;
  }): RegisteredCertificate;
  /**
   * Registers a certificate whose authority is not registered.
   *
   * @throws {@link EmulatorError} `CertificateValidationException` for an invalid certificate, or one with a key that
   * AWS IoT does not support, `ResourceAlreadyExistsException`
   */
  registerCertificateWithoutCA(input: {
    /** As PEM. */
    certificatePem: string;
    /** Default `INACTIVE`. */
    status?: CertificateStatus | undefined;
  }): RegisteredCertificate;
  /**
   * Returns a certificate.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeCertificate(input: { certificateId: string }): Certificate & {
    readonly certificateArn: string;
  };
  /** Returns the ids of all certificates. */
  listCertificates(input?: {
    /** True: the oldest first. Default false: the newest first. */
    ascendingOrder?: boolean | undefined;
  }): readonly string[];
  /**
   * Changes the status of a certificate.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  updateCertificate(input: { certificateId: string; newStatus: CertificateStatus }): void;
  /**
   * Deletes a certificate.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `CertificateStateException` while it is `ACTIVE`,
   * `DeleteConflictException` while it is attached to a thing or has policies
   */
  deleteCertificate(input: {
    certificateId: string;
    /** Also while it has policies. Default false. */
    forceDelete?: boolean | undefined;
  }): void;
}

/** The operations on certificates over the stored state. */
export function certificateOperations({ store, now }: OperationContext): CertificateOperations {
  const { state } = store;
  const arn = (id: string) => iotArn(state, `cert/${id}`);
  const nextSequence = sequenceFrom(state.certificates);
  const register = (
    certificatePem: string,
    status: CertificateStatus,
    caCertificateId?: string,
  ): RegisteredCertificate => {
    const { raw, publicKey } = readCertificate(certificatePem);
    if (!isDeviceKey(publicKey)) {
      throw awsError('CertificateValidationException', 'The key in the certificate is not valid');
    }
    const id = certificateId(raw);
    if (lookUp(state.certificates, id)) {
      throw alreadyExistsError('The certificate is already provisioned or registered', {
        resourceArn: arn(id),
        resourceId: id,
      });
    }
    const creationMs = now();
    store.put('certificates', id, {
      certificateId: id,
      certificatePem,
      status,
      ...(caCertificateId !== undefined && { caCertificateId }),
      creationMs,
      sequence: nextSequence(),
      lastModifiedMs: creationMs,
    });
    return { certificateId: id, certificateArn: arn(id) };
  };
  return {
    async createKeysAndCertificate({ setAsActive = false, keyType = 'RSA-2048' } = {}) {
      const issued = await issueDeviceCertificate(state.pki.deviceCa, keyType, now());
      const { certificatePem, publicKeyPem, privateKeyPem } = issued;
      return {
        ...register(certificatePem, statusOf(setAsActive)),
        certificatePem,
        keyPair: { PublicKey: publicKeyPem, PrivateKey: privateKeyPem },
      };
    },
    async createCertificateFromCsr({ certificateSigningRequest, setAsActive = false }) {
      const { deviceCa } = state.pki;
      const certificatePem = await issueFromRequest(deviceCa, certificateSigningRequest, now());
      return { ...register(certificatePem, statusOf(setAsActive)), certificatePem };
    },
    registerCertificate({ certificatePem, caCertificatePem, setAsActive = false, status }) {
      const issuer = findIssuer(state, certificatePem, caCertificatePem);
      return register(certificatePem, status ?? statusOf(setAsActive), issuer);
    },
    registerCertificateWithoutCA({ certificatePem, status = 'INACTIVE' }) {
      return register(certificatePem, status);
    },
    describeCertificate({ certificateId: id }) {
      return { ...getCertificate(state, id), certificateArn: arn(id) };
    },
    listCertificates(order) {
      return inCreationOrder(state.certificates, order);
    },
    updateCertificate({ certificateId: id, newStatus }) {
      const certificate = getCertificate(state, id);
      store.put('certificates', id, { ...certificate, status: newStatus, lastModifiedMs: now() });
    },
    deleteCertificate({ certificateId: id, forceDelete = false }) {
      if (getCertificate(state, id).status === 'ACTIVE') {
        throw awsError(
          'CertificateStateException',
          `Certificate must be deactivated (not ACTIVE) before deletion (id=${id})`,
        );
      }
      if (state.thingCertificates.sourcesOf(id).size > 0) {
        throw awsError(
          'DeleteConflictException',
          `Things must be detached before deletion (arn=${arn(id)})`,
        );
      }
      if (state.certificatePolicies.targetsOf(id).size > 0 && !forceDelete) {
        throw awsError(
          'DeleteConflictException',
          `Certificate policies must be detached before deletion (arn=${arn(id)})`,
        );
      }
      store.remove('certificates', id);
    },
  };
}

function statusOf(setAsActive: boolean): CertificateStatus {
  return setAsActive ? 'ACTIVE' : 'INACTIVE';
}
