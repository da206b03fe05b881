import { isNativeError } from 'node:util/types';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { excerpt } from './text.ts';

/** The longest message: a label or a name from elsewhere may have any length. */
const MAX_CHARACTERS = 4000;

/** What a {@link CredentialHelperError} carries besides its message. */
export interface ErrorDetails<Code extends ErrorCode = ErrorCode> {
  /** What went wrong. */
  readonly code: Code;
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  /** The error underneath, where there is one. */
  readonly cause?: unknown;
  /** The HTTP status of the answer, where there was one. */
  readonly httpStatus?: number | undefined;
  /** AWS's id of the request (`x-amzn-RequestId`), where the answer had one. */
  readonly requestId?: string | undefined;
  /** How long the service asks to wait before the next request (`Retry-After`), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** When the session tries again by itself. */
  readonly retryAt?: Date | undefined;
}

/**
 * The one error class of this package. Told apart by {@link CredentialHelperError.code}.
 *
 * A chain of the AWS SDK's providers ends with it (`tryNextLink: false`): a device that is configured to use its certificate
 * and cannot should say so, and not go on with other credentials that happen to be available.
 *
 * @typeParam Code - the code, where it is known
 */
export class CredentialHelperError<Code extends ErrorCode = ErrorCode> extends Error {
  /** `CredentialHelperError`. */
  override readonly name: string = NAME;
  /** What a chain of the SDK's providers looks at. */
  readonly tryNextLink: false = false;
  /** What went wrong; stable across releases. */
  readonly code: Code;
  /** What to do next, where more is known than {@link ERROR_CODES} says. */
  readonly hint: string | undefined;
  /** The HTTP status of the answer, where there was one. */
  readonly httpStatus: number | undefined;
  /** AWS's id of the request, where the answer had one. */
  readonly requestId: string | undefined;
  /** How long the service asks to wait before the next request, in milliseconds, where it does (`Retry-After`). */
  readonly retryAfterMs: number | undefined;
  /**
   * When the session tries again by itself, for an error that it gave to who asked for credentials: who asks before gets the
   * same error at once. Undefined: not before something changes.
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
    // Of all that is here, a copy by structuredClone() keeps message, cause and stack. That is no text where the application
    // makes something else of it (Error.prepareStackTrace), or wants none (Error.stackTraceLimit).
    const { stack } = this as { stack?: unknown };
    if (typeof stack === 'string') {
      this.stack = stack.replace(/^[^:\n]*(?=:)/, `${NAME} [${code}]`);
    }
  }

  /** Whether the same request may succeed later without anybody changing anything. */
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
 * Tells whether a value is an error of this package, also one that another copy of the package made, and one that came
 * from another thread: what `structuredClone()` and `postMessage()` copy has lost its `code`, and gets it back here, unless
 * the copy is frozen. Does not throw.
 *
 * @param value - anything, usually what was caught
 */
export function isCredentialHelperError(value: unknown): value is AnyCredentialHelperError {
  try {
    // What an uncaught error of another thread becomes in its `error` event is not a native one.
    return (isNativeError(value) || value instanceof Error) && isOneOrCopy(value);
  } catch {
    // A member throws when it is read, or a copy cannot get its code back.
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
 * Whether an error says that a token rejected a PIN that was tried. A locked PIN is none: the same PIN may be right once
 * it has been unlocked.
 */
export function isPinRejection(error: unknown): error is CredentialHelperError {
  return isCredentialHelperError(error) && error.code === 'ERR_PIN_INCORRECT';
}

/** What has run out where the system says so, which it may have again later. */
const RESOURCES: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptor left (ulimit -n): is something leaking them?',
  ENFILE: 'this system has no file descriptor left',
  EAGAIN: 'this user or system has no process left (ulimit -u; pids.max of a container)',
  ENOMEM: 'this system has no memory left',
};

/** The hint for an error of the system that says that something has run out; undefined for another. */
export function resourceHint(code: string | undefined): string | undefined {
  return RESOURCES[code ?? ''];
}
