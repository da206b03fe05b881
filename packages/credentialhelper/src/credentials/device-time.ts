import type { TemporaryCredentials } from '../exchange/exchange.ts';
import type { Valid } from '../refresh/refresher.ts';

/** An instant of the refresher's clock as this device's clock has it now. */
export type WallTime = (atMs: number) => Date;

/** By how much this device's clock may differ without anything being made of it, in milliseconds. */
const TOLERANCE_MS = 2000;

/**
 * Makes what says when credentials end by this device's own clock, which is the one that an SDK compares with. It is what the
 * server said, unless this device's clock is wrong or was set meanwhile.
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

/** A clock that is off by more is warned of: AWS refuses signatures that are 5 minutes off. */
const MAX_SKEW_MS = 5 * MINUTE_MS;

/** Makes what warns of a clock that is wrong, once for as long as it is. */
export function watchSkew(warn: (text: string) => void): (skewMs: number | undefined) => void {
  let isWrong = false;
  return (skewMs = 0) => {
    const wasWrong = isWrong;
    isWrong = Math.abs(skewMs) > MAX_SKEW_MS;
    if (!isWrong || wasWrong) return;
    const minutes = Math.round(Math.abs(skewMs) / MINUTE_MS);
    warn(
      `this device's clock is ${minutes} minutes ${skewMs > 0 ? 'ahead of' : 'behind'} the server's; the credentials are kept by the server's clock`,
    );
  };
}
