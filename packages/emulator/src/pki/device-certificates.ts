import { createPublicKey, type KeyObject } from 'node:crypto';
import { EmulatorError } from '../errors.ts';
import { type Authority, issuerOf, type KeyAndCertificate } from './authority.ts';
import { DAY_MS, issue } from './issue.ts';
import { DEVICE_KEYS, isDeviceKey, type KeyType, makeKeyPair } from './keys.ts';
import { type Name, Pkcs10CertificateRequest } from './x509.ts';

// The names that AWS IoT puts into the certificates it makes.
/** The name of the authority that issues device certificates. */
export const DEVICE_ISSUER =
  'OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US';
const DEVICE_SUBJECT = 'CN=AWS IoT Certificate';

/** The expiration of device certificates and of their CA certificate. */
export const DEVICE_END: Date = new Date('2049-12-31T23:59:59Z');

/** Creates a device's key and certificate, like AWS IoT: an RSA key as PKCS#1, an EC key as SEC1. */
export async function issueDeviceCertificate(
  deviceCa: Authority,
  keyType: KeyType,
  nowMs: number,
): Promise<KeyAndCertificate & { readonly publicKeyPem: string }> {
  const { publicKey, privateKey } = await makeKeyPair(keyType);
  const type = keyType === 'RSA-2048' ? 'pkcs1' : 'sec1';
  return {
    certificatePem: await issueForDevice(deviceCa, DEVICE_SUBJECT, publicKey, nowMs),
    privateKeyPem: String(privateKey.export({ type, format: 'pem' })),
    publicKeyPem: String(publicKey.export({ type: 'spki', format: 'pem' })),
  };
}

/**
 * Creates a PEM certificate for a PEM certificate signing request.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an invalid request or signature, and a key that AWS IoT
 * does not support
 */
export async function issueFromRequest(
  deviceCa: Authority,
  pem: string,
  nowMs: number,
): Promise<string> {
  const { subject, publicKey } = await readRequest(pem);
  return issueForDevice(deviceCa, subject, publicKey, nowMs);
}

function issueForDevice(
  deviceCa: Authority,
  subject: string | Name,
  publicKey: KeyObject,
  nowMs: number,
): Promise<string> {
  const from = new Date(nowMs - DAY_MS / 24);
  return issue({ subject, publicKey, issuer: issuerOf(deviceCa), from, to: DEVICE_END });
}

async function readRequest(pem: string): Promise<{ subject: Name; publicKey: KeyObject }> {
  try {
    const request = new Pkcs10CertificateRequest(pem);
    const key = Buffer.from(request.publicKey.rawData);
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
    if (isDeviceKey(publicKey) && (await request.verify())) {
      // Not as text, which would lose escaped characters.
      return { subject: request.subjectName, publicKey };
    }
  } catch (cause) {
    throw badRequest('not a certificate signing request in PEM format', cause);
  }
  throw badRequest(`the signature of the request is invalid, or its key is not ${DEVICE_KEYS}`);
}

function badRequest(why: string, cause?: unknown): EmulatorError {
  return new EmulatorError(why, { code: 'InvalidRequestException', cause });
}
