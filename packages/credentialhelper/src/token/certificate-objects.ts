import type { X509Certificate } from 'node:crypto';
import { type BaseBlock, Constructed, fromBER } from 'asn1js';
import type { Template } from 'pkcs11js';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import type { KeyName } from './key-objects.ts';
import type { TokenSession } from './session.ts';

/** The parts of a certificate that PKCS#11 wants beside it, byte for byte as they stand in it. */
interface CertificateParts {
  readonly serialNumber: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
}

/** The attributes that are a certificate (`C_CreateObject`). */
export function certificateMaterial(
  { library: { binding } }: TokenSession,
  certificate: X509Certificate,
  { label, id }: KeyName,
): Template {
  const { serialNumber, issuer, subject } = partsOf(certificate);
  return [
    { type: binding.CKA_CLASS, value: binding.CKO_CERTIFICATE },
    { type: binding.CKA_CERTIFICATE_TYPE, value: binding.CKC_X_509 },
    { type: binding.CKA_TOKEN, value: true },
    { type: binding.CKA_PRIVATE, value: false },
    { type: binding.CKA_LABEL, value: label },
    { type: binding.CKA_ID, value: id },
    { type: binding.CKA_SUBJECT, value: subject },
    { type: binding.CKA_ISSUER, value: issuer },
    { type: binding.CKA_SERIAL_NUMBER, value: serialNumber },
    { type: binding.CKA_VALUE, value: certificate.raw },
  ];
}

/** The subject of a certificate in DER form. */
export function subjectOf(certificate: X509Certificate): Buffer {
  return partsOf(certificate).subject;
}

function partsOf(certificate: X509Certificate): CertificateParts {
  // TBSCertificate (RFC 5280, section 4.1): [0] version, serialNumber, signature, issuer, validity, subject, …
  const [tbs] = children(fromBER(certificate.raw).result);
  const [version, ...rest] = children(tbs);
  // A certificate of version 1 leaves the version out.
  const fields = version?.idBlock.tagClass === 3 ? rest : [version, ...rest];
  const [serialNumber, , issuer, , subject] = fields;
  if (!serialNumber || !issuer || !subject) {
    throw new CredentialHelperError(`${describeCertificate(certificate)} has an unknown form`, {
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
