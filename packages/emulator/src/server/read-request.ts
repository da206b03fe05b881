import type { IncomingMessage } from 'node:http';
import type { ApiRequest } from '../http/request.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Reads a whole request to the AWS APIs; undefined if its body is too large or incomplete. */
export async function readApiRequest(request: IncomingMessage): Promise<ApiRequest | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const { method = '', url = '/' } = request;
  const mark = url.indexOf('?');
  return {
    method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? {} : readQuery(url.slice(mark + 1)),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value = '']) => [name, [value].flat().join(',')]),
    ),
    body: Buffer.concat(chunks),
  };
}

function readQuery(text: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(text);
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const values = parameters.getAll(name);
      return [name, values.length > 1 ? values : (values[0] ?? '')];
    }),
  );
}
