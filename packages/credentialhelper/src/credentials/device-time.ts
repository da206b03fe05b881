import type { TemporaryCredentials } from '../exchange/exchange.ts';
import type { Valid } from '../refresh/refresher.ts';

/** Converts a time of the refresher's clock to this device's clock. */
export type WallTime = (atMs: number) => Date;

/** Tolerated deviation of this device's clock, in milliseconds. */
const TOLERANCE_MS = 2000;

/**
 * Creates the conversion of expirations to this device's clock, which the SDK compares with. It is the server's
 * expiration, unless this device's clock is wrong or was set meanwhile.
 */
export function createExpiration(wallTime: WallTime): (valid: Valid<TemporaryCredentials>) => Date {
  let last: { readonly endsAtMs: number; readonly date: Date } | undefined;
  return ({ value, endsAtMs }) => {
    const said = last?.endsAtMs === endsAtMs ? last.date : value.expiration;
    const ends = wallTime(endsAtMs);
    const differs = Math.abs(ends.getTime() - said.getTime()) > TOLERANCE_MS;
    last = { endsAtMs, date: differs ? ends : said };
    return new Date(last.date);
  };
}

const MINUTE_MS = 60_000;

/** A larger skew is logged: AWS rejects signatures that are off by 5 minutes. */
const MAX_SKEW_MS = 5 * MINUTE_MS;

/** Creates the warning about a wrong clock, once while it is wrong. */
export function watchSkew(warn: (text: string) => void): (skewMs: number | undefined) => void {
  let isWrong = false;
  return (skewMs = 0) => {
    const wasWrong = isWrong;
    isWrong = Math.abs(skewMs) > MAX_SKEW_MS;
    if (!isWrong || wasWrong) return;
    const minutes = Math.round(Math.abs(skewMs) / MINUTE_MS);
    warn(
      `this device's clock is ${minutes} minutes ${skewMs > 0 ? 'ahead of' : 'behind'} the server's; the credentials expire by the server's clock`,
    );
  };
}
