import { createHash } from 'node:crypto';
import { memoizeByIdentity } from '../memo.ts';

/** Returns the id of a certificate in AWS IoT: the SHA-256 of its DER encoding. */
export const certificateId: (der: Uint8Array) => string = memoizeByIdentity((der) =>
  createHash('sha256').update(der).digest('hex'),
);
