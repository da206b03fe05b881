import { randomBytes, randomUUID } from 'node:crypto';

const ACCESS_KEY_BYTES = 8;

/** Creates an access key id: long-term ones begin with `AKIA`, temporary ones with `ASIA`. */
export function makeAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + randomBytes(ACCESS_KEY_BYTES).toString('hex').toUpperCase();
}

/** Creates a unique id in the format of AWS IoT. */
export function makeId(): string {
  return randomUUID();
}

/**
 * Creates a unique id in the format of IAM: those of roles begin with `AROA`, those of managed policies with `ANPA`.
 */
export function makeIamId(prefix: 'AROA' | 'ANPA'): string {
  return prefix + randomUUID().replaceAll('-', '').slice(0, 17).toUpperCase();
}
