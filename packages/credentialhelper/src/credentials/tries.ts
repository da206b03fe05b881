import { ERROR_CODES } from '../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { Settings } from '../options/options.ts';
import type { Failures } from '../refresh/refresher.ts';
import type { Retry } from '../refresh/retry.ts';
import type { WallTime } from './device-time.ts';

/** How a failure is retried. */
export function retryOf(error: unknown, { key }: Settings): Retry {
  if (!isCredentialHelperError(error)) return { pace: 'slowly' };
  const pace = ERROR_CODES[error.code].retry;
  // The function for the PIN may return another one next time; the same PIN is not tried again.
  const mayDiffer = pace === 'never' && key.kind === 'token' && key.token.pin.isAsked === true;
  return { pace: mayDiffer ? 'slowly' : pace, retryAfterMs: error.retryAfterMs };
}

/** The last error, with the number of tries and the time of the next. */
export function withTries(failures: Failures, wallTime: WallTime): unknown {
  const { error, count, retryAtMs } = failures;
  if (!isCredentialHelperError(error)) return error;
  const { code, hint, cause, httpStatus, requestId, retryAfterMs } = error;
  const tries =
    count === 1
      ? ''
      : `${triesSoFar(failures, wallTime)}, the next ${instant(retryAtMs, wallTime)}`;
  return new CredentialHelperError(`${error.message}${tries}`, {
    ...{ code, hint, cause, httpStatus, requestId, retryAfterMs },
    retryAt: Number.isFinite(retryAtMs) ? wallTime(retryAtMs) : undefined,
  });
}

/** The failures in a log line: the last error, the number of tries, what is `meanwhile`, and when the next attempt is. */
export function describeFailures(failures: Failures, wallTime: WallTime, meanwhile = ''): string {
  const { error, retryAtMs } = failures;
  return `${(error as Error).message}${triesSoFar(failures, wallTime)}${meanwhile}; next attempt ${instant(retryAtMs, wallTime)}`;
}

function triesSoFar({ count, sinceMs }: Failures, wallTime: WallTime): string {
  return count === 1 ? '' : `; ${count} tries since ${wallTime(sinceMs).toISOString()}`;
}

/** The time of a retry, for a message. */
function instant(atMs: number, wallTime: WallTime): string {
  return Number.isFinite(atMs)
    ? `not before ${wallTime(atMs).toISOString()}`
    : 'after a change of PIN, files or options';
}
