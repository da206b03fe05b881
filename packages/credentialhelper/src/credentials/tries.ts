import { ERROR_CODES } from '../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { Settings } from '../options/options.ts';
import type { Failures } from '../refresh/refresher.ts';
import type { Retry } from '../refresh/retry.ts';
import type { WallTime } from './device-time.ts';

/** How a failure is tried again. */
export function retryOf(error: unknown, { key }: Settings): Retry {
  if (!isCredentialHelperError(error)) return { pace: 'slowly' };
  const pace = ERROR_CODES[error.code].retry;
  // What gives the PIN may give another one next time; the same one is not tried again all the same.
  const mayDiffer = pace === 'never' && key.kind === 'token' && key.token.pin.isAsked === true;
  return { pace: mayDiffer ? 'slowly' : pace, retryAfterMs: error.retryAfterMs };
}

/** The last error, with what was tried and when the next try is due. */
export function withTries(
  { error, count, sinceMs, retryAtMs }: Failures,
  wallTime: WallTime,
): unknown {
  if (!isCredentialHelperError(error)) return error;
  const { code, hint, cause, httpStatus, requestId, retryAfterMs } = error;
  const tries =
    count === 1
      ? ''
      : `; ${count} tries since ${wallTime(sinceMs).toISOString()}, the next ${instant(retryAtMs, wallTime)}`;
  return new CredentialHelperError(`${error.message}${tries}`, {
    ...{ code, hint, cause, httpStatus, requestId, retryAfterMs },
    retryAt: Number.isFinite(retryAtMs) ? wallTime(retryAtMs) : undefined,
  });
}

/** When something is tried again, for a message. */
export function instant(atMs: number, wallTime: WallTime): string {
  return Number.isFinite(atMs)
    ? `not before ${wallTime(atMs).toISOString()}`
    : 'when PIN, files or options have changed';
}
