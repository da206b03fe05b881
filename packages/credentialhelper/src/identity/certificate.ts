import { type KeyObject, X509Certificate } from 'node:crypto';
import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError } from '../errors.ts';
import { excerpt } from '../text.ts';
import { keyKind } from './key-kind.ts';
import { kindOfBytes } from './kinds.ts';
import { isCutShort, isPem, pemBlocks } from './pem.ts';
import { readSource, type Source, type SourceContent } from './read-source.ts';

/** A certificate, and those of its chain. */
export type Chain = readonly [own: X509Certificate, ...others: X509Certificate[]];

const PEM_CERTIFICATE = /^(TRUSTED |X509 )?CERTIFICATE$/;

/**
 * Reads one or more certificates, in their order.
 *
 * @param source - path, PEM text (any number of certificates; other PEM blocks are ignored), or DER bytes (one)
 * @param option - the name of the option, for messages
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, or `code` if it cannot be parsed
 */
export function readCertificates(
  source: Source,
  option: string,
  code: ErrorCode = 'ERR_CERTIFICATE_INVALID',
): readonly X509Certificate[] {
  return parseCertificates(readSource(source, option), code);
}

/**
 * Same as {@link readCertificates}, for the content of a source.
 *
 * @throws {@link CredentialHelperError} with `code`
 */
export function parseCertificates(
  { bytes, name }: SourceContent,
  code: ErrorCode,
): readonly X509Certificate[] {
  const text = bytes.toString('latin1');
  const blocks = pemBlocks(text);
  const encoded = isPem(text)
    ? blocks.flatMap(({ label, pem }) => (PEM_CERTIFICATE.test(label) ? [pem] : []))
    : [bytes];
  if (isCutShort(text, blocks)) {
    throw new CredentialHelperError(`${name} is truncated: a PEM block has no END line`, {
      code,
      hint: 'copy the whole file again',
    });
  }
  if (encoded.length === 0) {
    const kind = kindOfBytes(bytes);
    throw new CredentialHelperError(`${name} ${kind?.what ?? 'holds no certificate'}`, {
      code,
      hint: kind?.hint ?? 'a certificate in PEM format begins with -----BEGIN CERTIFICATE-----',
    });
  }
  return encoded.map((item, index) => {
    try {
      return new X509Certificate(item);
    } catch (cause) {
      const which = encoded.length > 1 ? `certificate ${index + 1} of ${name}` : name;
      const named = isPem(text) ? undefined : kindOfBytes(bytes);
      throw new CredentialHelperError(`${which} ${named?.what ?? 'is not an X.509 certificate'}`, {
        code,
        cause,
        hint: named?.hint ?? 'expected a certificate in PEM or DER format',
      });
    }
  });
}

/**
 * The chain as TLS sends it: the certificate that belongs to the key first, then the others in their order.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH` if no certificate belongs to the key
 */
export function chainForKey(certificates: readonly X509Certificate[], key: KeyObject): Chain {
  const chain = leafFirst(certificates, (certificate) => certificate.checkPrivateKey(key));
  if (chain === undefined) {
    throw new CredentialHelperError(
      `the private key (${keyKind(key).name}) does not belong to ${describeCertificate(certificates[0])}`,
      {
        code: 'ERR_KEY_CERTIFICATE_MISMATCH',
        hint: 'use the key that this certificate was issued for',
      },
    );
  }
  return chain;
}

/** The certificates, beginning with the first that `isLeaf` accepts; undefined if there is none. */
export function leafFirst(
  certificates: readonly X509Certificate[],
  isLeaf: (certificate: X509Certificate) => boolean,
): Chain | undefined {
  const leaf = certificates.find(isLeaf);
  return leaf && [leaf, ...certificates.filter((certificate) => certificate !== leaf)];
}

/** The certificates as one PEM text, in order. */
export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

/** The id of a certificate in AWS IoT: the SHA-256 of its DER encoding, 64 hexadecimal digits. */
export function certificateId(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/**
 * Signature algorithms that TLS no longer accepts: the first bytes of the DER encoding of the algorithm, in
 * hexadecimal digits, from its object identifier on.
 */
const WEAK_SIGNATURES: readonly (readonly [hash: string, algorithm: RegExp])[] = [
  // RSA, also by its OIW object identifier, ECDSA, DSA (RFC 3279, section 2.2)
  ['SHA-1', /^06092a864886f70d010105/],
  ['SHA-1', /^06052b0e03021d/],
  ['SHA-1', /^06072a8648ce3d0401/],
  ['SHA-1', /^06072a8648ce380403/],
  ['MD5', /^06092a864886f70d010104/],
  // RSASSA-PSS without a hash, which means SHA-1, and with it (RFC 4055, section 3.1)
  ['SHA-1', /^06092a864886f70d01010a30..(?!a0)/],
  ['SHA-1', /^06092a864886f70d01010a30..a0..30..06052b0e03021a/],
];

/** The hash of a certificate's signature if it is too weak for TLS; else undefined. */
export function weakHash(certificate: X509Certificate): string | undefined {
  const algorithm = signatureAlgorithm(certificate.raw).toString('hex');
  return WEAK_SIGNATURES.find(([, begins]) => begins.test(algorithm))?.[0];
}

/** The `signatureAlgorithm` of a certificate, the second of its three members (RFC 5280, section 4.1). */
function signatureAlgorithm(certificate: Buffer): Buffer {
  const all = contentOf(certificate, 0);
  const signed = contentOf(certificate, all.begin);
  const { begin, end } = contentOf(certificate, signed.end);
  return certificate.subarray(begin, end);
}

/** Where the content of a DER value begins and ends (X.690, section 8.1). */
function contentOf(der: Buffer, at: number): { readonly begin: number; readonly end: number } {
  const length = der[at + 1] ?? 0;
  if (length < 0x80) return { begin: at + 2, end: at + 2 + length };
  const octets = length & 0x7f;
  const begin = at + 2 + octets;
  return { begin, end: begin + Number.parseInt(der.toString('hex', at + 2, begin), 16) };
}

/** The name of a certificate in messages: its subject on one line and its AWS IoT id. */
export function describeCertificate(certificate: X509Certificate | undefined): string {
  if (certificate === undefined) return 'the certificate';
  const subject = excerpt((certificate.subject ?? '').replaceAll('\n', ', '));
  return `certificate ${certificateId(certificate)} (${subject})`;
}
