import type { OutgoingHttpHeaders } from 'node:http';

/** A response that is ready to be sent. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** Text: Node.js sends it with the header, in one piece. */
  readonly body: string;
}

/** An answer in JSON. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return answer(status, 'application/json', JSON.stringify(value));
}

/** An answer in plain text. */
export function textAnswer(
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): Answer {
  return answer(status, 'text/plain; charset=utf-8', text, headers);
}

/** An answer of another type. */
export function answer(
  status: number,
  type: string,
  text: string,
  headers: OutgoingHttpHeaders = {},
): Answer {
  return {
    status,
    headers: {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...headers,
    },
    body: text,
  };
}
