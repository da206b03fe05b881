import { randomBytes, timingSafeEqual } from 'node:crypto';

/** Creates a random token, in characters that need no quotes in headers and shells. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Creates a function that compares with a token, in a time that depends on its length alone. */
export function tokenCheck(token: string): (given: string | undefined) => boolean {
  const expected = Buffer.from(token);
  const bytes = Buffer.alloc(expected.length);
  return (given = '') => {
    // Header values of Node.js are Latin-1: a byte for each character.
    if (given.length !== bytes.length) return false;
    bytes.write(given, 'latin1');
    return timingSafeEqual(bytes, expected);
  };
}
