import { isNativeError } from 'node:util/types';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { excerpt } from './text.ts';

/** The maximum length of a message: labels and names from other sources may have any length. */
const MAX_CHARACTERS = 4000;

/** The properties of a {@link CredentialHelperError} besides its message. */
export interface ErrorDetails<Code extends ErrorCode = ErrorCode> {
  /** The kind of error. */
  readonly code: Code;
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  /** The underlying error, if any. */
  readonly cause?: unknown;
  /** The HTTP status of the response, if any. */
  readonly httpStatus?: number | undefined;
  /** AWS's request id (`x-amzn-RequestId`), if the response had one. */
  readonly requestId?: string | undefined;
  /** The delay requested by the service (`Retry-After`), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** When the session retries by itself. */
  readonly retryAt?: Date | undefined;
}

/**
 * The only error class of this package. Errors are distinguished by {@link CredentialHelperError.code}.
 *
 * It stops a provider chain of the AWS SDK (`tryNextLink: false`): a device that is configured to use its certificate
 * and cannot should fail, and not use other credentials that happen to be available.
 *
 * @typeParam Code - the code, if known
 */
export class CredentialHelperError<Code extends ErrorCode = ErrorCode> extends Error {
  /** `CredentialHelperError`. */
  override readonly name: string = NAME;
  /** Stops a provider chain of the AWS SDK. */
  readonly tryNextLink: false = false;
  /** The kind of error; stable across releases. */
  readonly code: Code;
  /** What to do next, if more specific than {@link ERROR_CODES}. */
  readonly hint: string | undefined;
  /** The HTTP status of the response, if any. */
  readonly httpStatus: number | undefined;
  /** AWS's request id, if the response had one. */
  readonly requestId: string | undefined;
  /** The delay requested by the service (`Retry-After`), in milliseconds, if any. */
  readonly retryAfterMs: number | undefined;
  /**
   * When the session retries by itself: calls before that time reject with the same error at once. Undefined: not
   * before something changes.
   */
  readonly retryAt: Date | undefined;

  /** @internal */
  constructor(message: string, details: ErrorDetails<Code>) {
    super(
      excerpt(message, MAX_CHARACTERS),
      details.cause === undefined ? {} : { cause: details.cause },
    );
    const { code, hint } = details;
    this.code = code;
    this.hint = hint && excerpt(hint, MAX_CHARACTERS);
    this.httpStatus = details.httpStatus;
    this.requestId = details.requestId && excerpt(details.requestId);
    this.retryAfterMs = details.retryAfterMs;
    this.retryAt = details.retryAt;
    // structuredClone() copies only message, cause and stack. The stack is not a string if the application replaces
    // it (Error.prepareStackTrace) or disables it (Error.stackTraceLimit).
    const { stack } = this as { stack?: unknown };
    if (typeof stack === 'string') {
      this.stack = stack.replace(/^[^:\n]*(?=:)/, `${NAME} [${code}]`);
    }
  }

  /** Whether the same request may succeed later, without any change. */
  get retryable(): (typeof ERROR_CODES)[Code]['retryable'] {
    return ERROR_CODES[this.code].retryable;
  }
}

const NAME = 'CredentialHelperError';

/** The errors of this package as a union, which `switch (error.code)` narrows. */
export type AnyCredentialHelperError = {
  [Code in ErrorCode]: CredentialHelperError<Code>;
}[ErrorCode];

/**
 * Returns whether a value is an error of this package, also one created by another copy of the package, and one from
 * another thread: a copy by `structuredClone()` or `postMessage()` has lost its `code`, which is restored here unless
 * the copy is frozen. Does not throw.
 *
 * @param value - any value, usually a caught error
 */
export function isCredentialHelperError(value: unknown): value is AnyCredentialHelperError {
  try {
    // An uncaught error of another thread is not a native error in its `error` event.
    return (isNativeError(value) || value instanceof Error) && isOneOrCopy(value);
  } catch {
    // A getter throws, or the code of a copy cannot be restored.
    return false;
  }
}

function isOneOrCopy(value: Error): boolean {
  const { name, code } = value as NodeJS.ErrnoException;
  if (name === NAME) return isErrorCode(code);
  const [, copied] = COPY.exec(value.stack ?? '') ?? [];
  if (name !== 'Error' || code !== undefined || !isErrorCode(copied)) return false;
  Object.defineProperties(value, {
    name: { value: NAME, configurable: true },
    code: { value: copied, enumerable: true },
    tryNextLink: { value: false, enumerable: true },
    retryable: { value: ERROR_CODES[copied].retryable },
  });
  return true;
}

/** The first line of the stack of an error that was copied. */
const COPY = new RegExp(`^${NAME} \\[(ERR_[A-Z0-9_]+)\\]: `);

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/**
 * Whether an error means that a token rejected a PIN. A locked PIN does not count: the same PIN may be correct after
 * it is unlocked.
 */
export function isPinRejection(error: unknown): error is CredentialHelperError {
  return isCredentialHelperError(error) && error.code === 'ERR_PIN_INCORRECT';
}

/** Exhausted resources by the error code of the system; they may become available later. */
const RESOURCES: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptor left (ulimit -n): is something leaking them?',
  ENFILE: 'this system has no file descriptor left',
  EAGAIN: 'this user or system has no process left (ulimit -u; pids.max of a container)',
  ENOMEM: 'this system has no memory left',
};

/** The hint for a system error that reports an exhausted resource; undefined for others. */
export function resourceHint(code: string | undefined): string | undefined {
  return RESOURCES[code ?? ''];
}
