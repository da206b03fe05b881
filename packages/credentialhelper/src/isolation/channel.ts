import { CredentialHelperError, type ErrorCode, isCredentialHelperError } from '../errors.ts';

/** What a child process sends: any number of warnings, then an answer or an error. */
export type ChildMessage<Answer> =
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: ErrorMessage };

/** An error as it goes over the channel. `code` is missing where it is none of ours: a defect. */
interface ErrorMessage {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export function packError(error: unknown): ErrorMessage {
  if (isCredentialHelperError(error)) {
    const { code, message, hint } = error;
    return { code, message, hint };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: undefined, message, hint: undefined };
}

export function unpackError({ code, message, hint }: ErrorMessage): Error {
  return code === undefined
    ? new Error(message)
    : new CredentialHelperError(message, { code, hint });
}
