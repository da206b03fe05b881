import type { ApiRequest } from '../../http/request.ts';

/**
 * Returns the canonical form of a request (IAM User Guide, "Create a signed AWS API request"), as text of one byte a
 * character. It is made from the request as it was sent: the signer of the AWS SDK makes it from objects, which lose the
 * order of what is there twice.
 *
 * @param signedHeaders - the names of the signed header fields, sorted
 * @param bodyHash - the SHA-256 of the body, as hexadecimal digits
 * @param isPresigned - whether the query contains the signature, which is not signed
 */
export function canonicalRequest(
  { method, path, queryText, headers }: ApiRequest,
  signedHeaders: readonly string[],
  bodyHash: string,
  isPresigned: boolean,
): string {
  return [
    method,
    canonicalPath(path),
    canonicalQuery(queryText, isPresigned),
    ...signedHeaders.map(
      (name) => `${name}:${(headers[name] ?? '').replace(/[ \t]+/g, ' ').trim()}`,
    ),
    '',
    signedHeaders.join(';'),
    bodyHash,
  ].join('\n');
}

/** The normalized path (RFC 3986, section 6), encoded once more, as for all services but Amazon S3. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(encode(segment));
  }
  const isFolder = segments.length > 0 && path.endsWith('/');
  return `/${segments.join('/')}${isFolder ? '/' : ''}`;
}

/** The parameters sorted by name and value, after their encoding. */
function canonicalQuery(text: string, isPresigned: boolean): string {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...value] = part.split('=');
      return { name: encodeAgain(name), value: encodeAgain(value.join('=')) };
    })
    .filter(({ name }) => !isPresigned || name !== 'X-Amz-Signature')
    .sort((a, b) => compare(a.name, b.name) || compare(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');
}

/** Encodes a part of a query as Signature Version 4 does, in whatever way the client encoded it. */
function encodeAgain(part: string): string {
  const decoded = part
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return encode(decoded);
}

/** Encodes all bytes but those of unreserved characters (RFC 3986, section 2.3). */
function encode(bytes: string): string {
  return bytes.replace(
    /[^\w.~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
