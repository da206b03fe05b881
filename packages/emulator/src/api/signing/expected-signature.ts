import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
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
  const digest = sha256(Buffer.from(canonical, 'latin1'));
  const stringToSign = ['AWS4-HMAC-SHA256', date, scope, digest].join('\n');
  const key = signingKey([secretAccessKey, day, region, service].join('\n'));
  return createHmac('sha256', key).update(stringToSign).digest('hex');
}

/** The key for a day, a region and a service, from a secret access key. */
const signingKey = memoize(MAX_KEYS, (text): KeyObject => {
  const [secretAccessKey = '', ...scope] = text.split('\n');
  const hmac = (key: Buffer, part: string) => createHmac('sha256', key).update(part).digest();
  const first = Buffer.from(`AWS4${secretAccessKey}`);
  return createSecretKey([...scope, 'aws4_request'].reduce(hmac, first));
});

function sha256(data: Buffer): string {
  return hash('sha256', data, 'hex');
}
