import type { IncomingMessage } from 'node:http';
import type { ApiRequest } from '../http/request.ts';
import { toRecord } from '../json.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Reads a whole request to the AWS APIs; undefined if the client ends the connection before. */
export async function readApiRequest(request: IncomingMessage): Promise<ApiRequest | undefined> {
  const body = await readBody(request);
  if (body === undefined) return undefined;
  const { method = '', url = '/' } = request;
  const [path = '', ...more] = url.split('?');
  const queryText = more.join('?');
  return {
    method,
    path,
    queryText,
    query: readQuery(queryText),
    headers: toRecord(
      Object.entries(request.headersDistinct).map(([name, values = []]) => [
        name,
        values.join(','),
      ]),
    ),
    sourceIp: request.socket.remoteAddress ?? '',
    ...body,
  };
}

function readBody(
  request: IncomingMessage,
): Promise<Pick<ApiRequest, 'body' | 'isTooLarge'> | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // The rest is read too: many clients read no answer before they have sent all.
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.once('end', () =>
      resolve({ body: Buffer.concat(chunks), isTooLarge: length > MAX_BODY_BYTES }),
    );
    request.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') resolve(undefined);
      else reject(error);
    });
    request.once('close', () => resolve(undefined));
  });
}

function readQuery(text: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(text);
  const query = new Map<string, string[]>();
  for (const [name, value] of parameters) {
    const values = query.get(name);
    if (values === undefined) query.set(name, [value]);
    else values.push(value);
  }
  return toRecord(
    [...query].map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? '')]),
  );
}
