import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../src/refresh/retry.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const delays = (pace: 'soon' | 'slowly', random: number) =>
  Array.from({ length: 9 }, (_, index) => retryDelayMs(index + 1, { pace }, random) / SECOND);

describe('the wait after a failure', () => {
  it('grows from a second to a minute for what may be back soon', () => {
    expect(delays('soon', 0)).toEqual([1, 2, 4, 8, 16, 32, 48, 48, 48]);
    expect(retryDelayMs(99, { pace: 'soon' }, 0.999)).toBeLessThanOrEqual(MINUTE);
  });

  it('grows from half a minute to ten for what somebody must mend', () => {
    expect(delays('slowly', 0)).toEqual([30, 90, 270, 480, 480, 480, 480, 480, 480]);
    expect(retryDelayMs(99, { pace: 'slowly' }, 0.999)).toBeLessThanOrEqual(10 * MINUTE);
  });

  it('has no end for what is not tried again by itself', () => {
    expect(retryDelayMs(1, { pace: 'never' }, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is never less than the server asks for, up to five minutes', () => {
    const at = (retryAfterMs: number) => retryDelayMs(1, { pace: 'soon', retryAfterMs }, 0);
    expect([at(0), at(500), at(MINUTE), at(5 * MINUTE), at(24 * 60 * MINUTE)]).toEqual([
      SECOND,
      SECOND,
      MINUTE,
      5 * MINUTE,
      5 * MINUTE,
    ]);
  });

  it('has a jitter of at most a fifth, for any failures', () => {
    const failures = fc.integer({ min: 1, max: 10_000 });
    const random = fc.double({ min: 0, max: 0.999, noNaN: true });
    const retry = fc.record({
      pace: fc.constantFrom('soon' as const, 'slowly' as const),
      retryAfterMs: fc.nat({ max: 100 * MINUTE }),
    });
    fc.assert(
      fc.property(failures, retry, random, (count, how, chance) => {
        const least = retryDelayMs(count, how, 0);
        const delay = retryDelayMs(count, how, chance);
        expect(delay).toBeGreaterThanOrEqual(least);
        expect(delay).toBeLessThan(least * 1.25 + 1e-6);
      }),
    );
  });
});
