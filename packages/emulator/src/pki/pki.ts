import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { EmulatorError } from '../errors.ts';
import { LOCAL_NAME } from '../names/host-names.ts';

/** The kinds of key that AWS IoT takes. */
export type KeyType = 'RSA-2048' | 'EC-P256' | 'EC-P384';

/** A private key and its certificate, both as PEM. */
export interface KeyAndCertificate {
  /** The subject of the certificate. */
  readonly subject: string;
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

/** The emulator's certificate authorities and the server's certificate. */
export interface Pki {
  /** What clients trust. */
  readonly serverCa: KeyAndCertificate;
  /** The certificate of the credential provider's endpoint. */
  readonly server: KeyAndCertificate;
  /** What issues device certificates. */
  readonly deviceCa: KeyAndCertificate;
}

const DAY_MS = 86_400_000;
const SERIAL_BYTES = 16;

// The names that AWS IoT puts into the certificates it makes.
const DEVICE_ISSUER =
  'OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US';
const DEVICE_SUBJECT = 'CN=AWS IoT Certificate';
const DEVICE_END = new Date('2049-12-31T23:59:59Z');

/** Makes certificate authorities and a server certificate for the local name and the real endpoint's. */
export async function createPki(region: string, nowMs: number): Promise<Pki> {
  const from = new Date(nowMs - DAY_MS);
  const to = new Date(nowMs + 3650 * DAY_MS);
  const serverCa = await issue({ subject: 'CN=Emulator Root CA', from, to, isCa: true });
  const server = await issue({
    subject: `CN=${LOCAL_NAME}`,
    from,
    to,
    issuer: serverCa,
    extensions: [
      dnsNames(...serverNames(region)),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  });
  const deviceCa = await issue({ subject: DEVICE_ISSUER, from, to: DEVICE_END, isCa: true });
  return { serverCa, server, deviceCa };
}

function serverNames(region: string): readonly string[] {
  return [LOCAL_NAME, `*.credentials.iot.${region}.amazonaws.com`];
}

function dnsNames(...names: readonly string[]): Extension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({ type: 'dns' as const, value })),
  );
}

/** Server certificates that a client must not believe. */
export interface WrongCertificates {
  readonly 'other-name': KeyAndCertificate;
  readonly untrusted: KeyAndCertificate;
  readonly expired: KeyAndCertificate;
}

/** Makes server certificates that a client must not believe. */
export async function createWrongCertificates(
  serverCa: KeyAndCertificate,
  region: string,
  nowMs: number,
): Promise<WrongCertificates> {
  const from = new Date(nowMs - 30 * DAY_MS);
  const to = new Date(nowMs + 30 * DAY_MS);
  const named = (...names: readonly string[]) => ({
    subject: `CN=${names[0]}`,
    from,
    to,
    extensions: [dnsNames(...names)],
  });
  const rightNames = serverNames(region);
  const [otherName, untrusted, expired] = await Promise.all([
    issue({ ...named('other.example'), issuer: serverCa }),
    issue(named(...rightNames)),
    issue({ ...named(...rightNames), to: new Date(nowMs - DAY_MS), issuer: serverCa }),
  ]);
  return { 'other-name': otherName, untrusted, expired };
}

/** Makes a device's key and certificate, as AWS IoT does: an RSA key in PKCS#1 form, an EC key in SEC1 form. */
export async function issueDeviceCertificate(
  deviceCa: KeyAndCertificate,
  keyType: KeyType,
  nowMs: number,
): Promise<KeyAndCertificate & { readonly publicKeyPem: string }> {
  const keys = await makeKeyPair(keyType);
  const { subject, certificatePem } = await issue({
    subject: DEVICE_SUBJECT,
    from: new Date(nowMs - DAY_MS / 24),
    to: DEVICE_END,
    issuer: deviceCa,
    keys,
  });
  const type = keyType === 'RSA-2048' ? 'pkcs1' : 'sec1';
  return {
    subject,
    certificatePem,
    privateKeyPem: String(keys.privateKey.export({ type, format: 'pem' })),
    publicKeyPem: String(keys.publicKey.export({ type: 'spki', format: 'pem' })),
  };
}

/**
 * Makes a certificate for a certificate signing request in PEM form.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` where it is none, its signature is wrong, or AWS IoT does not
 * take its key
 */
export async function issueFromRequest(
  deviceCa: KeyAndCertificate,
  pem: string,
  nowMs: number,
): Promise<string> {
  const { subject, publicKey } = await readRequest(pem);
  const { certificatePem } = await issue({
    subject,
    from: new Date(nowMs - DAY_MS / 24),
    to: DEVICE_END,
    issuer: deviceCa,
    publicKey,
  });
  return certificatePem;
}

const LEAST_RSA_BITS = 2048;

async function readRequest(pem: string): Promise<{ subject: string; publicKey: KeyObject }> {
  try {
    const request = new Pkcs10CertificateRequest(pem);
    const key = Buffer.from(request.publicKey.rawData);
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
    if (isDeviceKey(publicKey) && (await request.verify())) {
      return { subject: request.subject, publicKey };
    }
  } catch (cause) {
    throw badRequest('not a certificate signing request in PEM form', cause);
  }
  throw badRequest(`the signature of the request is wrong, or its key is not ${DEVICE_KEYS}`);
}

/** The keys that AWS IoT takes (API reference, CreateCertificateFromCsr). */
export const DEVICE_KEYS = 'RSA of 2048 bits or more, or EC on P-256, P-384 or P-521';

/** Names of curves: OpenSSL's, and the one that the Web Cryptography API has. */
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** Whether AWS IoT takes a key: see {@link DEVICE_KEYS}. */
export function isDeviceKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  return asymmetricKeyType === 'rsa'
    ? modulusLength >= LEAST_RSA_BITS
    : Object.hasOwn(CURVES, namedCurve);
}

function badRequest(why: string, cause?: unknown): EmulatorError {
  return new EmulatorError(why, { code: 'InvalidRequestException', cause });
}

/** The id of a certificate in AWS IoT: the SHA-256 of its DER form. */
export function certificateId(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface IssueOptions {
  readonly subject: string;
  readonly from: Date;
  readonly to: Date;
  readonly isCa?: boolean;
  /** Default: the certificate is self-signed. */
  readonly issuer?: KeyAndCertificate;
  readonly keys?: KeyPair;
  /** Of whoever keeps the private key. */
  readonly publicKey?: KeyObject;
  readonly extensions?: readonly Extension[];
}

async function issue(options: IssueOptions): Promise<KeyAndCertificate> {
  const { subject, from, to, isCa = false, issuer, extensions = [] } = options;
  const keys = options.keys ?? (await makeKeyPair('EC-P256'));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomBytes(SERIAL_BYTES).toString('hex'),
    subject,
    issuer: issuer?.subject ?? subject,
    notBefore: from,
    notAfter: to,
    publicKey: await importPublicKey(options.publicKey ?? keys.publicKey),
    signingKey: await importSigningKey(
      issuer ? createPrivateKey(issuer.privateKeyPem) : keys.privateKey,
    ),
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
  return {
    subject,
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

/** What Node generates for each kind of key. */
const KEY_TYPES: Readonly<Record<KeyType, Parameters<typeof generate>>> = {
  'RSA-2048': ['rsa', { modulusLength: 2048 }],
  'EC-P256': ['ec', { namedCurve: 'P-256' }],
  'EC-P384': ['ec', { namedCurve: 'P-384' }],
};

function makeKeyPair(keyType: KeyType): Promise<KeyPair> {
  if (Object.hasOwn(KEY_TYPES, keyType)) return generate(...KEY_TYPES[keyType]);
  throw new EmulatorError(`keyType must be one of ${Object.keys(KEY_TYPES).join(', ')}`, {
    code: 'InvalidRequestException',
  });
}

const generate = promisify(generateKeyPair) as (
  type: 'rsa' | 'ec',
  options: { modulusLength: number } | { namedCurve: string },
) => Promise<KeyPair>;

// The authorities have EC keys.
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
