import { randomBytes, randomUUID } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Creates an access key id: long-term ones begin with `AKIA`, temporary ones with `ASIA`. */
export function makeAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + toBase32(randomBytes(16));
}

/** Creates a secret access key: 40 characters of base64. */
export function makeSecretAccessKey(): string {
  return randomBytes(30).toString('base64');
}

/** Creates a unique id in the format of AWS IoT. */
export function makeId(): string {
  return randomUUID();
}

/**
 * Creates a unique id in the format of IAM: those of roles begin with `AROA`, those of managed policies with `ANPA`.
 */
export function makeIamId(prefix: 'AROA' | 'ANPA'): string {
  return prefix + toBase32(randomBytes(17));
}

/** Returns a character of access key ids for each byte: those of base32. */
export function toBase32(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BASE32[byte % BASE32.length]).join('');
}
