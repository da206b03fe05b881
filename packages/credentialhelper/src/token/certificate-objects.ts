import type { X509Certificate } from 'node:crypto';
import { type BaseBlock, Constructed, fromBER } from 'asn1js';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import { CKC_X_509, CKO } from '../pkcs11/constants.ts';
import type { Template } from '../pkcs11/pkcs11.ts';
import type { KeyName } from './key-objects.ts';

/** The fields of a certificate that PKCS#11 requires as attributes, byte for byte. */
interface CertificateParts {
  readonly serialNumber: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
}

/** The attributes of a certificate (`C_CreateObject`). */
export function certificateMaterial(
  certificate: X509Certificate,
  { label, id }: KeyName,
): Template {
  const { serialNumber, issuer, subject } = partsOf(certificate);
  return {
    CKA_CLASS: CKO.CERTIFICATE,
    CKA_CERTIFICATE_TYPE: CKC_X_509,
    CKA_TOKEN: true,
    CKA_PRIVATE: false,
    CKA_LABEL: label,
    CKA_ID: id,
    CKA_SUBJECT: subject,
    CKA_ISSUER: issuer,
    CKA_SERIAL_NUMBER: serialNumber,
    CKA_VALUE: certificate.raw,
  };
}

/** The DER encoding of a certificate's subject. */
export function subjectOf(certificate: X509Certificate): Buffer {
  return partsOf(certificate).subject;
}

function partsOf(certificate: X509Certificate): CertificateParts {
  // TBSCertificate (RFC 5280, section 4.1): [0] version, serialNumber, signature, issuer, validity, subject, …
  const [tbs] = children(fromBER(certificate.raw).result);
  const [version, ...rest] = children(tbs);
  // A version 1 certificate has no version field.
  const fields = version?.idBlock.tagClass === 3 ? rest : [version, ...rest];
  const [serialNumber, , issuer, , subject] = fields;
  if (!serialNumber || !issuer || !subject) {
    throw new CredentialHelperError(`${describeCertificate(certificate)} has an unknown format`, {
      code: 'ERR_CERTIFICATE_INVALID',
    });
  }
  return { serialNumber: der(serialNumber), issuer: der(issuer), subject: der(subject) };
}

function children(block: BaseBlock | undefined): readonly BaseBlock[] {
  return block instanceof Constructed ? block.valueBlock.value : [];
}

function der(block: BaseBlock): Buffer {
  return Buffer.from(block.valueBeforeDecodeView);
}
