import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { EmulatorError } from '../errors.ts';

/** The key types that the emulator generates for devices. */
export type KeyType = 'RSA-2048' | 'EC-P256' | 'EC-P384';

/** A key pair. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The parameters of Node.js for each key type. */
const KEY_TYPES: Readonly<Record<KeyType, Parameters<typeof generate>>> = {
  'RSA-2048': ['rsa', { modulusLength: 2048 }],
  'EC-P256': ['ec', { namedCurve: 'P-256' }],
  'EC-P384': ['ec', { namedCurve: 'P-384' }],
};

/**
 * Generates a key pair.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an unsupported key type
 */
export function makeKeyPair(keyType: KeyType): Promise<KeyPair> {
  if (Object.hasOwn(KEY_TYPES, keyType)) return generate(...KEY_TYPES[keyType]);
  throw new EmulatorError(`keyType must be one of ${Object.keys(KEY_TYPES).join(', ')}`, {
    code: 'InvalidRequestException',
  });
}

const generate = promisify(generateKeyPair) as (
  type: 'rsa' | 'ec',
  options: { modulusLength: number } | { namedCurve: string },
) => Promise<KeyPair>;

const LEAST_RSA_BITS = 2048;

/** The keys that AWS IoT supports (API reference, CreateCertificateFromCsr). */
export const DEVICE_KEYS = 'RSA 2048 or larger, EC P-256, P-384 or P-521';

/** Names of curves in OpenSSL and the Web Cryptography API. */
export const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** Whether AWS IoT supports a key: see {@link DEVICE_KEYS}. */
export function isDeviceKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  return asymmetricKeyType === 'rsa'
    ? modulusLength >= LEAST_RSA_BITS
    : Object.hasOwn(CURVES, namedCurve);
}
