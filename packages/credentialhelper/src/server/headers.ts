import type { IncomingMessage } from 'node:http';

/**
 * The first value of a header field. To create `headers`, the object of all fields, takes Node.js longer than all checks of a
 * request together.
 *
 * @param name - in lower case
 */
export function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const given = rawHeaders[i] as string;
    if (given.length === name.length && given.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
