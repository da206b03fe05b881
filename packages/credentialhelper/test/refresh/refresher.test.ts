import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createRefresher } from '../../src/refresh/refresher.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-01-01T00:00:00Z');

interface Value {
  readonly serial: number;
  readonly expiration: Date;
}

/** A service that returns values of one lifetime, with a clock that only the test advances. */
function setUp(options: { lifetimeMs?: number; random?: number } = {}) {
  const state = {
    nowMs: START,
    lifetimeMs: options.lifetimeMs ?? 60 * MINUTE,
    fetches: 0,
    held: 0,
    failWith: undefined as Error | undefined,
    gate: Promise.resolve(),
    refreshFailures: [] as unknown[],
  };
  const refresher = createRefresher<Value>({
    now: () => state.nowMs,
    random: () => options.random ?? 0,
    hold: (fetched) => {
      state.held++;
      return fetched;
    },
    closed: () => new Error('closed'),
    onRefreshFailed: (error) => state.refreshFailures.push(error),
    fetch: async () => {
      const serial = ++state.fetches;
      await state.gate;
      if (state.failWith !== undefined) throw state.failWith;
      return { serial, expiration: new Date(state.nowMs + state.lifetimeMs) };
    },
  });
  return { state, get: refresher.get, refresher };
}

/** Waits for background work of a call. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));

describe('createRefresher', () => {
  afterEach(() => expect(unhandled).toEqual([]));

  it('fetches nothing before the first call', () => {
    expect(setUp().state.fetches).toBe(0);
  });

  it('fetches if a refresh is forced, or joins the pending refresh', async () => {
    const { state, get } = setUp();
    const first = await get();
    const forced = await Promise.all([
      get({ forceRefresh: true }),
      get({ forceRefresh: true }),
      get(),
    ]);
    expect(forced.map(({ serial }) => serial)).toEqual([2, 2, 1]);
    expect((await get()).serial).toBe(2);
    expect([first.serial, state.fetches, state.held]).toEqual([1, 2, 3]);
  });

  it('rejects a forced refresh that fails, and keeps a valid value', async () => {
    const { state, get } = setUp();
    await get();
    state.failWith = new Error('no');
    await expect(get({ forceRefresh: true })).rejects.toThrow('no');
    expect((await get()).serial).toBe(1);
  });

  it('serves 100 concurrent callers with one fetch', async () => {
    const { state, get } = setUp();
    const values = await Promise.all(Array.from({ length: 100 }, () => get()));
    expect(state.fetches).toBe(1);
    expect(new Set(values).size).toBe(1);
  });

  it('returns the cached value until it is about to expire', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 49 * MINUTE;
    expect((await get()).serial).toBe(1);
    await settle();
    expect(state.fetches).toBe(1);
  });

  it('refreshes in the background before the expiration, without delay for the caller', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 51 * MINUTE;
    state.gate = new Promise(() => {});
    expect((await get()).serial).toBe(1);
    expect((await get()).serial).toBe(1);
    expect(state.fetches).toBe(2);
  });

  it('returns the new value after the refresh', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 51 * MINUTE;
    await get();
    await settle();
    expect((await get()).serial).toBe(2);
    expect(state.fetches).toBe(2);
  });

  it('waits for a new value after the expiration', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 60 * MINUTE;
    expect((await get()).serial).toBe(2);
  });

  it('keeps a valid value when a refresh fails, reports it, and does not retry at once', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 51 * MINUTE;
    state.failWith = new Error('no network');
    expect((await get()).serial).toBe(1);
    await settle();
    expect(state.refreshFailures).toEqual([state.failWith]);
    state.nowMs += 29_000;
    expect((await get()).serial).toBe(1);
    expect(state.fetches).toBe(2);
    state.nowMs += 2000;
    state.failWith = undefined;
    expect((await get()).serial).toBe(1);
    await settle();
    expect((await get()).serial).toBe(3);
  });

  it('rejects without a valid value, and does not cache the rejection', async () => {
    const { state, get } = setUp();
    state.failWith = new Error('no network');
    await expect(get()).rejects.toBe(state.failWith);
    await expect(get()).rejects.toBe(state.failWith);
    expect(state.fetches).toBe(2);
    state.failWith = undefined;
    expect((await get()).serial).toBe(3);
  });

  it('lets a caller after the expiration wait for the pending refresh', async () => {
    const { state, get } = setUp();
    await get();
    state.nowMs += 51 * MINUTE;
    let open = () => {};
    state.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await get();
    state.nowMs += 10 * MINUTE;
    const late = get();
    open();
    expect((await late).serial).toBe(2);
    expect(state.fetches).toBe(2);
  });

  it('refreshes before an SDK client, 5 minutes before the expiration, would wait for it', async () => {
    for (const lifetimeMs of [15 * MINUTE, 60 * MINUTE, 12 * 60 * MINUTE]) {
      const { state, get } = setUp({ lifetimeMs });
      await get();
      state.nowMs += lifetimeMs - 5 * MINUTE;
      expect((await get()).serial).toBe(1);
      await settle();
      expect((await get()).serial).toBe(2);
    }
  });

  it('never returns an expired value and never fetches in the first half of a lifetime, for any clock', async () => {
    const steps = fc.array(fc.nat({ max: 20 * MINUTE }), { minLength: 1, maxLength: 40 });
    const lifetimes = fc.integer({ min: 1000, max: 43_200_000 });
    const randoms = fc.double({ min: 0, max: 0.999, noNaN: true });
    await fc.assert(
      fc.asyncProperty(lifetimes, randoms, steps, async (lifetimeMs, random, moves) => {
        const { state, get } = setUp({ lifetimeMs, random });
        let bornMs = state.nowMs;
        let serial = (await get()).serial;
        for (const move of moves) {
          state.nowMs += move;
          const before = state.fetches;
          const value = await get();
          expect(value.expiration.getTime()).toBeGreaterThan(state.nowMs);
          if (value.serial === serial && state.fetches > before) {
            expect(state.nowMs - bornMs).toBeGreaterThanOrEqual(lifetimeMs / 2);
          }
          await settle();
          const latest = await get();
          if (latest.serial !== serial) {
            serial = latest.serial;
            bornMs = latest.expiration.getTime() - lifetimeMs;
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('spreads the refreshes of a fleet', async () => {
    const instants = await Promise.all(
      [0, 0.5, 0.99].map(async (random) => {
        const { state, get } = setUp({ random });
        await get();
        while (state.fetches === 1) {
          state.nowMs += 1000;
          await get();
        }
        return state.nowMs;
      }),
    );
    expect(new Set(instants).size).toBe(3);
  });
});
