import { createHash } from 'node:crypto';

/** Returns the id of a certificate in AWS IoT: the SHA-256 of its DER encoding. */
export function certificateId(der: Uint8Array): string {
  const id = ids.get(der) ?? createHash('sha256').update(der).digest('hex');
  ids.set(der, id);
  return id;
}

/** Certificates are not changed. */
const ids = new WeakMap<Uint8Array, string>();
