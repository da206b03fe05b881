import { type KeyObject, X509Certificate } from 'node:crypto';
import { CredentialHelperError, type ErrorCode } from '../errors.ts';
import { excerpt } from '../text.ts';
import { kindOfBytes } from './kinds.ts';
import { isPem, pemBlocks } from './pem.ts';
import { readSource, type Source } from './read-source.ts';

const PEM_CERTIFICATE = /^(TRUSTED |X509 )?CERTIFICATE$/;

/**
 * Reads one or more certificates, in the order they stand.
 *
 * @param source - path, PEM text (any number of certificates, other PEM blocks are passed over), or DER bytes (one)
 * @param option - the name of the option it came from, for messages
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, or `code` where it cannot be parsed
 */
export function readCertificates(
  source: Source,
  option: string,
  code: ErrorCode = 'ERR_CERTIFICATE_INVALID',
): readonly X509Certificate[] {
  const { bytes, name } = readSource(source, option);
  const text = bytes.toString('latin1');
  const encoded = isPem(text)
    ? pemBlocks(text).flatMap(({ label, pem }) => (PEM_CERTIFICATE.test(label) ? [pem] : []))
    : [bytes];
  const kind = kindOfBytes(bytes);
  if (encoded.length === 0) {
    throw new CredentialHelperError(`${name} ${kind?.what ?? 'holds no certificate'}`, {
      code,
      hint: kind?.hint ?? 'a certificate in PEM form begins with -----BEGIN CERTIFICATE-----',
    });
  }
  return encoded.map((item, index) => {
    try {
      return new X509Certificate(item);
    } catch (cause) {
      const which = encoded.length > 1 ? `certificate ${index + 1} of ${name}` : name;
      const named = isPem(text) ? undefined : kind;
      throw new CredentialHelperError(`${which} ${named?.what ?? 'is not an X.509 certificate'}`, {
        code,
        cause,
        hint: named?.hint ?? 'expected a certificate in PEM or DER form',
      });
    }
  });
}

/**
 * The chain as TLS sends it: the certificate that belongs to the key first, then the others in the order they stood.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH` where no certificate belongs to the key
 */
export function chainForKey(
  certificates: readonly X509Certificate[],
  key: KeyObject,
): readonly X509Certificate[] {
  const chain = leafFirst(certificates, (certificate) => certificate.checkPrivateKey(key));
  if (chain === undefined) {
    throw new CredentialHelperError(
      `the private key (${key.asymmetricKeyType}) does not belong to ${describeCertificate(certificates[0])}`,
      {
        code: 'ERR_KEY_CERTIFICATE_MISMATCH',
        hint: 'use the key that was made together with this certificate',
      },
    );
  }
  return chain;
}

/** The certificates with the first that `isLeaf` accepts in front; undefined where there is none. */
export function leafFirst(
  certificates: readonly X509Certificate[],
  isLeaf: (certificate: X509Certificate) => boolean,
): readonly X509Certificate[] | undefined {
  const leaf = certificates.find(isLeaf);
  return leaf && [leaf, ...certificates.filter((certificate) => certificate !== leaf)];
}

/** The certificates as one PEM text, in order. */
export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

/**
 * The id AWS IoT gives a certificate: the SHA-256 of its DER form, 64 hexadecimal digits.
 */
export function certificateId(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** Signature algorithms that TLS takes no more, as their object identifiers stand in a certificate. */
const WEAK_SIGNATURES = [
  ['SHA-1', '06092a864886f70d010105'],
  ['SHA-1', '06072a8648ce3d0401'],
  ['MD5', '06092a864886f70d010104'],
].map(([hash = '', oid = '']) => ({ hash, oid: Buffer.from(oid, 'hex') }));

/** The hash that a certificate is signed with where it is too weak for TLS; undefined for another. */
export function weakHash(certificate: X509Certificate): string | undefined {
  return WEAK_SIGNATURES.find(({ oid }) => certificate.raw.includes(oid))?.hash;
}

/** How a message calls a certificate: its subject on one line and its AWS IoT id. */
export function describeCertificate(certificate: X509Certificate | undefined): string {
  if (certificate === undefined) return 'the certificate';
  const subject = excerpt((certificate.subject ?? '').replaceAll('\n', ', '));
  return `certificate ${certificateId(certificate)} (${subject})`;
}

/**
 * What is wrong with the certificate's dates, or undefined. Only a warning: the clock of a device may be wrong, and
 * it is the server that decides.
 *
 * @param now - epoch milliseconds
 */
export function certificateDateProblem(
  certificate: X509Certificate,
  now: number,
): string | undefined {
  const clock = `this device's clock says ${new Date(now).toISOString()}`;
  if (Date.parse(certificate.validTo) <= now) {
    return `${describeCertificate(certificate)} expired on ${certificate.validTo}; ${clock}`;
  }
  if (Date.parse(certificate.validFrom) > now) {
    return `${describeCertificate(certificate)} is not valid before ${certificate.validFrom}; ${clock}`;
  }
  return undefined;
}
