import { CredentialHelperError, type ErrorCode, isCredentialHelperError } from '../errors.ts';
import type { ProcessRecordsState } from '../pins/records.ts';

/** What a child process may tell before it answers. */
export interface Told {
  /** What does not stop the work. */
  readonly warning: string;
  /** A PKCS#11 call. */
  readonly trace: string;
  /** What it now knows of PINs. */
  readonly pins: ProcessRecordsState;
}

/** Tells one of these things. */
export type Tell = <Kind extends keyof Told>(kind: Kind, content: Told[Kind]) => void;

/** What a child process sends: any number of things that it tells, then an answer or an error. */
export type ChildMessage<Answer> =
  | { [Kind in keyof Told]: { readonly kind: Kind; readonly content: Told[Kind] } }[keyof Told]
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
