import { createHash, createHmac } from 'node:crypto';
import { getCanonicalHeaders, SignatureV4Base } from '@smithy/signature-v4';
import type { ApiRequest } from '../../http/request.ts';
import { memoize } from '../../memo.ts';
import type { Signing } from './signing.ts';

const MAX_KEYS = 1000;

/** The canonical form of requests; the steps after it have no use for the rest of the signer, which is asynchronous. */
const canonicalForm = new (class extends SignatureV4Base {
  constructor() {
    const credentials = { accessKeyId: '', secretAccessKey: '' };
    super({ service: '', region: '', credentials, sha256: class {} as never });
  }

  of({ method, path, query, headers, body }: ApiRequest, signed: ReadonlySet<string>): string {
    const names = Object.entries(headers).filter(([name]) => signed.has(name));
    const request = { method, protocol: 'http:', hostname: '', path, query: { ...query } };
    const canonicalHeaders = getCanonicalHeaders(
      { ...request, headers: Object.fromEntries(names) },
      undefined,
      new Set(signed),
    );
    return this.createCanonicalRequest({ ...request, headers: {} }, canonicalHeaders, sha256(body));
  }
})();

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
  const { date, day, region, service, signedHeaders } = signing;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const canonicalRequest = canonicalForm.of(request, signedHeaders);
  const stringToSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonicalRequest)].join('\n');
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

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
