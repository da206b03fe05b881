import { randomUUID } from 'node:crypto';

/** A response, before it goes to a socket. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Returns a response in the form of AWS's JSON protocols, with a request id of its own.
 *
 * @param errorType - the value of `x-amzn-ErrorType`, where the response is an error
 */
export function respondJson(status: number, body: unknown, errorType?: string): Response {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-RequestId': randomUUID(),
      ...(errorType !== undefined && { 'x-amzn-ErrorType': errorType }),
    },
    body: JSON.stringify(body),
  };
}
