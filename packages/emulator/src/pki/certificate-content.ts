import { type Name, X509Certificate } from './x509.ts';

/** Values by OID (RFC 4519 and RFC 5280), in the order of the certificate. */
export interface AttributeValues {
  get(oid: string): readonly string[];
}

/** The content of a certificate that AWS IoT uses. */
export interface CertificateContent {
  readonly subject: AttributeValues;
  readonly issuer: AttributeValues;
  readonly serialNumber: bigint;
  /** The end of its validity, in epoch milliseconds. */
  readonly notAfterMs: number;
}

/**
 * Reads a certificate. The values of its names are from the ASN.1 structure: not escaped, as they are in the text of a
 * distinguished name.
 *
 * @param pem - the certificate as PEM
 * @throws Error if it is not a certificate
 */
export function readContent(pem: string): CertificateContent {
  const { subjectName, issuerName, serialNumber, notAfter } = new X509Certificate(pem);
  return {
    subject: valuesOf(subjectName),
    issuer: valuesOf(issuerName),
    serialNumber: BigInt(`0x${serialNumber}`),
    notAfterMs: notAfter.getTime(),
  };
}

function valuesOf(name: Name): AttributeValues {
  return { get: (oid) => name.getField(oid) };
}
