import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isDer, textOf } from './pem.ts';

/**
 * The content of a file besides a private key and certificates, which would be lost with the file.
 *
 * @param bytes - the content of the file
 * @param key - the key that was read from it
 * @param certificates - those that are stored elsewhere
 * @returns its name for messages; undefined if everything else can be recreated
 */
export function restOfKeyFile(
  bytes: Buffer,
  key: KeyObject,
  certificates: readonly X509Certificate[],
): string | undefined {
  if (isDer(bytes)) return undefined;
  const text = textOf(bytes);
  if (text === undefined) return 'more than one DER structure';
  let keys = 0;
  let lost: string | undefined;
  const rest = text.replace(BLOCK, (block, label: string) => {
    if (/PRIVATE KEY$/.test(label)) keys++;
    else if (!isKept(block, label, key, certificates)) lost ??= nameOf(label);
    return '\n';
  });
  if (keys > 1) return 'a second private key';
  if (lost !== undefined) return lost;
  // Without a block, it is base64 of the key alone.
  if (keys === 0) return undefined;
  return linesOf(rest).every((line) => NOISE.test(line)) ? undefined : 'other text';
}

/** A PEM block, whose line breaks may be escaped. */
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----BEGIN )[\s\S])*?-----END \1-----/g;

/** Text that OpenSSL adds to a key: attributes of PKCS #12, and the numbers of the key. */
const NOISE =
  /^(?:(?:Bag|Key) Attributes(?:: <No Attributes>)?|(?:friendlyName|localKeyID|Microsoft CSP Name|X509v3 Key Usage): .*|(?:subject|issuer)\s*=.*|(?:RSA )?Private-Key: \(\d+ bit.*\)|(?:modulus|privateExponent|prime[12]|exponent[12]|coefficient|priv|pub):|publicExponent: \d+ \(0x[0-9a-f]+\)|ASN1 OID: \S+|NIST CURVE: \S+|(?:[0-9a-f]{2}:)*(?:[0-9a-f]{2})?)$/i;

function linesOf(text: string): readonly string[] {
  // As in a JSON string, or with escaped line breaks.
  return text
    .replace(/^\s*"|"\s*$/g, '')
    .split(/\r\n?|\n|(?:\\r)?\\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function isKept(
  block: string,
  label: string,
  key: KeyObject,
  certificates: readonly X509Certificate[],
): boolean {
  const pem = block.replace(/(?:\\r)?\\n/g, '\n');
  try {
    if (label === 'EC PARAMETERS') return true;
    if (label.endsWith('PUBLIC KEY')) return createPublicKey(pem).equals(createPublicKey(key));
    const { raw } = new X509Certificate(pem);
    return label.endsWith('CERTIFICATE') && certificates.some((one) => one.raw.equals(raw));
  } catch {
    return false;
  }
}

function nameOf(label: string): string {
  return label === 'CERTIFICATE' ? 'a certificate' : `a block "${label}"`;
}
