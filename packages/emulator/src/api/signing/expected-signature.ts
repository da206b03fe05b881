import { createHash, createHmac } from 'node:crypto';
import type { ApiRequest } from '../../http/request.ts';
import { memoize } from '../../memo.ts';
import { canonicalRequest } from './canonical-request.ts';
import type { Signing } from './signing.ts';

const MAX_KEYS = 1000;

/**
 * Returns the signature that a request must have (AWS General Reference, Signature Version 4), as hexadecimal digits.
 *
 * @param signing - the signature that it has: the signed headers, the time and the credential scope
 */
export function expectedSignature(
  request: ApiRequest,
  signing: Signing,
  secretAccessKey: string,
): string {
  const { date, day, region, service, signedHeaders, expiresSeconds } = signing;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const isPresigned = expiresSeconds !== undefined;
  const canonical = canonicalRequest(request, signedHeaders, sha256(request.body), isPresigned);
  const hash = sha256(Buffer.from(canonical, 'latin1'));
  const stringToSign = ['AWS4-HMAC-SHA256', date, scope, hash].join('\n');
  const key = signingKey([secretAccessKey, day, region, service].join('\n'));
  return hmac(key, stringToSign).toString('hex');
}

/** The key for a day, a region and a service, from a secret access key. */
const signingKey = memoize(MAX_KEYS, (text) => {
  const [secretAccessKey = '', ...scope] = text.split('\n');
  return [...scope, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`));
});

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
