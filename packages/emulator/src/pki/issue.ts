import { type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { CURVES } from './keys.ts';
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  X509CertificateGenerator,
} from './x509.ts';

/** A day, in milliseconds. */
export const DAY_MS = 86_400_000;

const SERIAL_BYTES = 16;

/** The content of a certificate, and its issuer. */
export interface CertificateContent {
  readonly subject: string | Name;
  readonly publicKey: KeyObject;
  /** The name and the private key (EC P-256) of the issuer; for a self-signed certificate, its own. */
  readonly issuer: { readonly subject: string; readonly privateKey: KeyObject };
  readonly from: Date;
  readonly to: Date;
  /** Default false. */
  readonly isCa?: boolean;
  /** In addition to basic constraints and key usage. Default: none. */
  readonly extensions?: readonly Extension[];
}

/** Issues a certificate, as PEM. */
export async function issue(content: CertificateContent): Promise<string> {
  const { subject, publicKey, issuer, from, to, isCa = false, extensions = [] } = content;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomBytes(SERIAL_BYTES).toString('hex'),
    subject,
    issuer: issuer.subject,
    notBefore: from,
    notAfter: to,
    publicKey: await importPublicKey(publicKey),
    signingKey: await importSigningKey(issuer.privateKey),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(isCa, undefined, true),
      new KeyUsagesExtension(
        isCa ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature,
        true,
      ),
      ...extensions,
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

const SIGNING_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

function importSigningKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, SIGNING_ALGORITHM, false, ['sign']);
}

function importPublicKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'spki', format: 'der' });
  const namedCurve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve };
  return webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify']);
}
