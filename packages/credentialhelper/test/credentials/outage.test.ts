// Long outages: one session, one caller in a loop, real requests and a fake clock.
import { describe, expect, it } from 'vitest';
import { response } from '../support/fault-rows.ts';
import { startOutage } from '../support/outage.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe('HTTP 503', () => {
  it('50 minutes of failures within credentials of an hour are not seen by any caller', async () => {
    const { aws, clock, live, open } = await startOutage();
    const device = await open('thing');
    await live(9 * 60, [device]);
    aws.faults.add(response(503));
    // From now on a background refresh is due whenever the backoff allows it.
    await device.source.credentials({ forceRefresh: true }).catch(() => {});
    await live(50 * 60, [device]);
    expect(device.source.stats().failures.ERR_SERVICE).toBeGreaterThan(60);
    expect(device.source.stats().failures.ERR_SERVICE).toBeLessThanOrEqual(70);
    aws.faults.clear();
    await live(10 * 60, [device]);
    expect(device.calls).toHaveLength(69 * 60);
    for (const { atMs, endMs, error, expiration } of device.calls) {
      expect(error).toBeUndefined();
      expect(endMs).toBe(atMs);
      expect(Number(expiration)).toBeGreaterThan(endMs);
    }
    expect(device.source.stats().fetches).toBe(2);
    expect(Number(device.source.expiration())).toBeGreaterThan(clock.now() + 49 * MINUTE);
  });

  it('an outage beyond the expiration: the error names it, since when, and the next try', async () => {
    const { aws, clock, live, open } = await startOutage();
    const device = await open('thing');
    const startMs = clock.now();
    await live(45 * 60, [device]);
    aws.faults.add(response(503));
    await live(25 * 60, [device]);
    const failed = device.calls.filter(({ error }) => error !== undefined);
    const dueMs = startMs + 50 * MINUTE;
    for (const { endMs, error } of failed) {
      // The server counts the hour from the second in its response.
      expect(endMs).toBeGreaterThan(startMs + 60 * MINUTE - SECOND);
      expect(error?.code).toBe('ERR_SERVICE');
      const since = /HTTP 503; \d+ tries since (\S+), the next not before (\S+)$/.exec(
        error?.message ?? '',
      );
      expect(Math.abs(Date.parse(since?.[1] ?? '') - dueMs)).toBeLessThan(SECOND);
      expect(since?.[2]).toBe(error?.retryAt?.toISOString());
      expect(Number(error?.retryAt)).toBeGreaterThan(endMs);
      expect(Number(error?.retryAt)).toBeLessThanOrEqual(endMs + MINUTE);
    }
    // Calls that wait for a retry within their maximum wait are fewer than one a second.
    expect(failed.length).toBeGreaterThan(300);
    const nextMs = Number(device.source.stats().nextFetch);
    aws.faults.clear();
    const count = device.calls.length;
    await live((nextMs - clock.now()) / SECOND + 1, [device]);
    const back = device.calls.slice(count).find(({ error }) => error === undefined);
    expect(back?.endMs).toBe(nextMs);
  });
});
