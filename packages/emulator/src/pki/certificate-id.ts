import { createHash } from 'node:crypto';

/** Returns the id of a certificate in AWS IoT: the SHA-256 of its DER encoding. */
export function certificateId(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
