import { randomUUID } from 'node:crypto';

/** A response to send. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/**
 * Returns a response in the format of AWS's JSON protocols, with a new request id.
 *
 * @param errorType - the value of `x-amzn-ErrorType`, for an error
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
