import type { Response } from './response.ts';

/** The response that a fault sends instead of the right one. */
export interface Replacement {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The name of an error, reported in the format of the service. */
  readonly errorCode?: string;
  /** Default: the name. */
  readonly message?: string;
}

/** How a service reports errors. */
export interface ErrorFormat {
  /** Returns the response that reports an error of any name, with any status. */
  readonly fail: (status: number, code: string, message: string) => Response;
  /** The error, with its status, that reports throttling. */
  readonly throttling: { readonly status: number; readonly code: string };
}

/**
 * Returns the response that is sent instead of the right one.
 *
 * @param replacement - undefined: the request is throttled
 */
export function replacementResponse(
  replacement: Replacement | undefined,
  { fail, throttling }: ErrorFormat,
): Response {
  if (replacement === undefined) return fail(throttling.status, throttling.code, 'Rate exceeded');
  const { status, errorCode, message = errorCode } = replacement;
  const { body = '', headers = { 'content-type': 'application/json' } } = replacement;
  if (errorCode === undefined) return { status, headers, body };
  return fail(status, errorCode, message ?? '');
}
