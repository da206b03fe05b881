import { afterEach, describe, expect, it } from 'vitest';
import {
  createRefresher,
  type Failures,
  type RefreshRequest,
} from '../../src/refresh/refresher.ts';
import type { Retry } from '../../src/refresh/retry.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Value {
  readonly serial: number;
}

interface Options {
  readonly lifetimeMs?: number;
  readonly random?: number;
  readonly maxWaitMs?: number;
  readonly keepFresh?: boolean;
  readonly fetch?: () => never;
}

/** A service that returns values of one lifetime, with a clock that only the test advances. */
function setUp({
  lifetimeMs = 60 * MINUTE,
  random = 0,
  maxWaitMs = 0,
  keepFresh = false,
  fetch,
}: Options = {}) {
  const clock = createFakeClock(1_000_000, settle);
  const state = {
    lifetimeMs,
    fetches: [] as number[],
    held: 0,
    failWith: undefined as Error | undefined,
    retry: { pace: 'soon' } as Retry,
    gate: Promise.resolve(),
    version: '1',
    looks: 0,
    lookMs: 0,
    refreshFailures: [] as Failures[],
  };
  const refresher = createRefresher<Value>({
    now: clock.now,
    after: (ms, run) => clock.after(ms, run),
    random: () => random,
    maxWaitMs,
    keepFresh,
    hold: (promise) => {
      state.held++;
      return promise;
    },
    retryOf: () => state.retry,
    sourceVersion: () => {
      state.looks++;
      clock.suspend(state.lookMs);
      return state.version;
    },
    explain: ({ error, count, retryAtMs }) =>
      new Error(
        `${(error as Error).message}, ${count} tries, next in ${retryAtMs - clock.now()} ms`,
      ),
    closed: () => new Error('closed'),
    expired: () => new Error('expired'),
    onRefreshFailed: (failures) => state.refreshFailures.push(failures),
    fetch:
      fetch ??
      (async () => {
        state.fetches.push(clock.now());
        const serial = state.fetches.length;
        await state.gate;
        if (state.failWith !== undefined) throw state.failWith;
        return { value: { serial }, lifeMs: state.lifetimeMs };
      }),
  });
  const get = (request?: RefreshRequest) =>
    refresher.get(request).then(({ value }) => value.serial);
  return { clock, state, refresher, get };
}

/** Waits for background work of a call. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));

describe('createRefresher', () => {
  afterEach(() => expect(unhandled).toEqual([]));

  it('fetches nothing before the first call', () => {
    expect(setUp().state.fetches).toEqual([]);
  });

  it('fetches if a refresh is forced, in the fetch that is under way if there is one', async () => {
    const { state, get } = setUp();
    const first = await get();
    const forced = await Promise.all([
      get({ forceRefresh: true }),
      get({ forceRefresh: true }),
      get(),
    ]);
    expect([first, ...forced, await get()]).toEqual([1, 2, 2, 1, 2]);
    expect([state.fetches.length, state.held]).toEqual([2, 3]);
  });

  it('rejects a forced refresh that fails, and keeps a valid value', async () => {
    const { state, get } = setUp();
    await get();
    state.failWith = new Error('no');
    await expect(get({ forceRefresh: true })).rejects.toThrow('no');
    expect(await get()).toBe(1);
  });

  it('serves 100 concurrent callers with one fetch', async () => {
    const { state, get } = setUp();
    const values = await Promise.all(Array.from({ length: 100 }, () => get()));
    expect(state.fetches.length).toBe(1);
    expect(new Set(values).size).toBe(1);
  });

  it('returns the cached value until it is about to expire', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(49 * MINUTE);
    expect(await get()).toBe(1);
    await settle();
    expect(state.fetches.length).toBe(1);
  });

  it('refreshes in the background before the expiration, without delay for the caller', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(51 * MINUTE);
    state.gate = new Promise(() => {});
    expect(await get()).toBe(1);
    expect(await get()).toBe(1);
    expect(state.fetches.length).toBe(2);
  });

  it('returns the new value after the refresh', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(51 * MINUTE);
    await get();
    await settle();
    expect(await get()).toBe(2);
    expect(state.fetches.length).toBe(2);
  });

  it('waits for a new value after the expiration', async () => {
    const { clock, get } = setUp();
    await get();
    await clock.pass(60 * MINUTE);
    expect(await get()).toBe(2);
  });

  it('lets a caller that comes after the end wait for the fetch under way', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(51 * MINUTE);
    let open = () => {};
    state.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await get();
    await clock.pass(10 * MINUTE);
    const late = get();
    open();
    expect(await late).toBe(2);
    expect(state.fetches.length).toBe(2);
  });

  it('refreshes before an SDK client, 5 minutes before the expiration, would wait for it', async () => {
    for (const lifetimeMs of [15 * MINUTE, 60 * MINUTE, 12 * 60 * MINUTE]) {
      const { clock, get } = setUp({ lifetimeMs });
      await get();
      await clock.pass(lifetimeMs - 5 * MINUTE);
      expect(await get()).toBe(1);
      await settle();
      expect(await get()).toBe(2);
    }
  });

  it('waits for the new value that is coming where the old one is about to end', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(60 * MINUTE - 20 * SECOND);
    expect(await get()).toBe(2);
    await clock.pass(60 * MINUTE - 20 * SECOND);
    state.failWith = new Error('no network');
    expect(await get(), 'it fails').toBe(2);
    state.gate = new Promise(() => {});
    await clock.pass(19 * SECOND);
    const late = get();
    await clock.pass(0.5 * SECOND);
    expect(await Promise.race([late, settle().then(() => 'waits')])).toBe('waits');
  });

  it('returns no value that expires during a slow look at the file system', async () => {
    const { clock, state, get } = setUp({ lifetimeMs: 3 * SECOND });
    await get();
    await clock.pass(2 * SECOND);
    state.lookMs = 1.5 * SECOND;
    expect(await get()).toBe(2);
    await clock.pass(0.1 * SECOND);
    state.lookMs = 0;
    state.failWith = new Error('no');
    expect(await get()).toBe(2);
    await settle();
    state.lookMs = 1.5 * SECOND;
    await expect(get()).rejects.toThrow('no');
  });

  it('counts the life of a value from before the fetch', async () => {
    const { clock, state, get } = setUp();
    let open = () => {};
    state.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const given = get();
    clock.suspend(2 * 60 * MINUTE);
    const failed = expect(given).rejects.toThrow('expired, 1 tries, next in 1000 ms');
    open();
    await failed;
    await clock.pass(SECOND);
    expect(await get()).toBe(2);
  });

  it('spreads the refreshes of a fleet', async () => {
    const instants = await Promise.all(
      [0, 0.5, 0.99].map(async (random) => {
        const { clock, state, get } = setUp({ random });
        await get();
        while (state.fetches.length === 1) {
          await clock.pass(10 * SECOND);
          await get();
        }
        return clock.now();
      }),
    );
    expect(new Set(instants).size).toBe(3);
  });
});

describe('a failed fetch', () => {
  it('leaves a valid value in use, is reported, and is tried again after its wait', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(51 * MINUTE);
    state.failWith = new Error('no network');
    expect(await get()).toBe(1);
    await settle();
    expect(state.refreshFailures).toMatchObject([{ error: state.failWith, count: 1 }]);
    await clock.pass(0.9 * SECOND);
    expect(await get()).toBe(1);
    expect(state.fetches.length).toBe(2);
    await clock.pass(0.2 * SECOND);
    state.failWith = undefined;
    expect(await get()).toBe(1);
    await settle();
    expect(await get()).toBe(3);
  });

  it('is reported to pending callers, with the number of tries', async () => {
    const { state, get } = setUp();
    state.failWith = new Error('no network');
    await expect(get()).rejects.toThrow('no network, 1 tries, next in 1000 ms');
  });

  it('is reported at once to callers during the backoff, without another fetch', async () => {
    const { clock, state, get } = setUp();
    state.failWith = new Error('no network');
    await expect(get()).rejects.toThrow();
    await clock.pass(0.4 * SECOND);
    await expect(get()).rejects.toThrow('no network, 1 tries, next in 600 ms');
    expect(state.fetches.length).toBe(1);
  });

  it('lets a caller wait for tries that come within its patience', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no network');
    const given = get();
    const other = get();
    await clock.pass(3.5 * SECOND);
    state.failWith = undefined;
    await clock.pass(4 * SECOND);
    expect(await Promise.all([given, other])).toEqual([4, 4]);
    expect(state.fetches.map((atMs) => atMs - (state.fetches[0] ?? 0))).toEqual([
      0, 1000, 3000, 7000,
    ]);
  });

  it('ends that wait if the next retry would be too late', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no network');
    const failed = expect(get()).rejects.toThrow('no network, 4 tries, next in 8000 ms');
    await clock.pass(8 * SECOND);
    await failed;
  });

  it('ends that wait if a later try takes too long', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no network');
    const failed = expect(get()).rejects.toThrow('no network, 1 tries');
    await settle();
    state.gate = new Promise(() => {});
    await clock.pass(11 * SECOND);
    expect(state.fetches.length).toBe(2);
    await clock.pass(1 * SECOND);
    await failed;
  });

  it('creates few fetches in ten minutes, whatever the callers do', async () => {
    for (const random of [0, 0.5, 0.99]) {
      const rows = [
        [{ pace: 'soon' }, 20],
        [{ pace: 'soon', retryAfterMs: MINUTE }, 11],
        [{ pace: 'slowly' }, 4],
        [{ pace: 'never' }, 1],
      ] as const;
      for (const [retry, most] of rows) {
        const { clock, state, get } = setUp({ random, maxWaitMs: 12 * SECOND });
        state.failWith = new Error('no');
        state.retry = retry;
        for (let second = 0; second < 600; second++) {
          for (let caller = 0; caller < 5; caller++) get().catch(() => {});
          await clock.pass(SECOND);
        }
        expect(state.fetches.length, JSON.stringify(retry)).toBeLessThanOrEqual(most);
      }
    }
  });

  it('is over with the first fetch that succeeds: the next failure waits a second again', async () => {
    const { clock, state, get } = setUp();
    state.failWith = new Error('no');
    for (let tries = 0; tries < 6; tries++) {
      await get().catch(() => {});
      await clock.pass(MINUTE);
    }
    state.failWith = undefined;
    expect(await get()).toBe(7);
    state.failWith = new Error('again');
    await clock.pass(61 * MINUTE);
    await expect(get()).rejects.toThrow('again, 1 tries, next in 1000 ms');
  });

  it('that throws before it returns is one as any other', async () => {
    let fetches = 0;
    const { clock, get } = setUp({
      fetch: () => {
        fetches++;
        throw new Error(`no ${fetches}`);
      },
    });
    await expect(get()).rejects.toThrow('no 1, 1 tries');
    await clock.pass(SECOND);
    await expect(get()).rejects.toThrow('no 2, 2 tries');
  });

  it('leaves nothing behind of callers that came and went', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 60 * MINUTE });
    state.failWith = new Error('no');
    state.retry = { pace: 'slowly' };
    const callers = Array.from({ length: 1000 }, () => {
      const controller = new AbortController();
      return { controller, given: get({ abortSignal: controller.signal }).catch(() => {}) };
    });
    await clock.pass(3 * SECOND);
    for (const { controller } of callers) controller.abort();
    await Promise.all(callers.map(({ given }) => given));
    await settle();
    expect(clock.timers).toBe(0);
    await clock.pass(60 * MINUTE);
    expect(state.fetches.length).toBe(1);
  });

  it('leaves no timer behind of who waited for the next one', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 60 * MINUTE });
    state.failWith = new Error('no');
    const given = get();
    await settle();
    state.failWith = undefined;
    await clock.pass(SECOND);
    expect([await given, clock.timers]).toEqual([2, 0]);
  });

  it('ends the wait of callers, too, where what it reads has changed', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 60 * MINUTE });
    state.failWith = new Error('no such file');
    state.retry = { pace: 'slowly', retryAfterMs: 5 * MINUTE };
    const given = get();
    await clock.pass(20 * SECOND);
    state.version = '2';
    state.failWith = undefined;
    await clock.pass(2 * SECOND);
    expect(state.fetches.length).toBe(2);
    expect(await given).toBe(2);
  });

  it('is tried again soon after the system was suspended, where the wait is over', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 60 * MINUTE });
    state.failWith = new Error('no');
    state.retry = { pace: 'slowly', retryAfterMs: 5 * MINUTE };
    const given = get();
    await clock.pass(10 * SECOND);
    state.failWith = undefined;
    clock.suspend(10 * MINUTE);
    await clock.pass(2 * SECOND);
    expect(await given).toBe(2);
  });

  it('does not have callers spend their time with looks at a slow file system', async () => {
    const { clock, state, get } = setUp();
    state.failWith = new Error('no');
    state.retry = { pace: 'slowly' };
    await get().catch(() => {});
    state.lookMs = 100;
    state.looks = 0;
    const begin = clock.now();
    for (let call = 0; call < 1000; call++) {
      await get().catch(() => {});
      await clock.pass(1);
    }
    expect(state.looks).toBeLessThan(3);
    expect(clock.now() - begin).toBeLessThan(1300);
    await clock.pass(SECOND);
    state.version = '2';
    state.failWith = undefined;
    expect(await get()).toBe(2);
  });

  it('does not hold up a forced refresh', async () => {
    const { state, get } = setUp();
    state.failWith = new Error('no');
    state.retry = { pace: 'never' };
    await expect(get()).rejects.toThrow();
    state.failWith = undefined;
    expect(await get({ forceRefresh: true })).toBe(2);
    expect(await get()).toBe(2);
  });

  it('is tried again a second later where what it reads has changed', async () => {
    const { clock, state, get } = setUp();
    state.failWith = new Error('wrong PIN');
    state.retry = { pace: 'never' };
    await expect(get()).rejects.toThrow('next in Infinity ms');
    await clock.pass(60 * MINUTE);
    await expect(get()).rejects.toThrow();
    expect(state.fetches.length).toBe(1);
    state.version = '2';
    state.failWith = undefined;
    expect(await get()).toBe(2);
  });

  it('changes nothing for who has a valid value, for as long as it is valid', async () => {
    const { clock, state, get } = setUp();
    await get();
    await clock.pass(10 * MINUTE);
    state.failWith = new Error('outage');
    for (let second = 0; second < 49 * 60; second++) {
      await clock.pass(SECOND);
      expect(await get()).toBe(1);
    }
    await clock.pass(2 * MINUTE);
    await expect(get()).rejects.toThrow(/^outage, \d+ tries/);
  });

  it('makes few fetches in ten minutes, also if failures alternate', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no');
    for (let second = 0; second < 600; second++) {
      state.retry = { pace: state.fetches.length % 2 === 0 ? 'soon' : 'slowly' };
      get().catch(() => {});
      await clock.pass(SECOND);
    }
    expect(state.fetches.length).toBeLessThanOrEqual(20);
  });
});

describe('keepFresh', () => {
  it('refreshes without being asked, once there was a first fetch', async () => {
    const { clock, state, get, refresher } = setUp({ keepFresh: true });
    await clock.pass(60 * MINUTE);
    expect(state.fetches).toEqual([]);
    await get();
    await clock.pass(180 * MINUTE);
    expect(state.fetches.length).toBe(4);
    await refresher.close();
    await clock.pass(180 * MINUTE);
    expect([state.fetches.length, clock.timers]).toEqual([4, 0]);
  });

  it('goes on through an outage, and is back within one step', async () => {
    const { clock, state, get } = setUp({ keepFresh: true });
    await get();
    state.failWith = new Error('outage');
    await clock.pass(5 * 60 * MINUTE);
    expect(state.refreshFailures.length).toBeGreaterThan(100);
    const before = state.fetches.length;
    state.failWith = undefined;
    await clock.pass(MINUTE);
    expect(state.fetches.length).toBe(before + 1);
    expect(await get()).toBe(before + 1);
  });

  it('notices within a minute that the system was suspended', async () => {
    const { clock, state, get } = setUp({ keepFresh: true });
    await get();
    await clock.pass(10 * MINUTE);
    clock.suspend(3 * 60 * MINUTE);
    await clock.pass(MINUTE);
    expect(state.fetches.length).toBe(2);
  });

  it('notices within a minute that what it reads has changed', async () => {
    const { clock, state, get } = setUp({ keepFresh: true });
    state.failWith = new Error('wrong PIN');
    state.retry = { pace: 'never' };
    await get().catch(() => {});
    state.version = '2';
    state.failWith = undefined;
    await clock.pass(MINUTE);
    expect(await get()).toBe(2);
  });

  it('does not spin while a fetch is under way', async () => {
    const { clock, state, get } = setUp({ keepFresh: true });
    await get();
    await clock.pass(49 * MINUTE);
    state.gate = new Promise(() => {});
    get({ forceRefresh: true }).catch(() => {});
    await clock.pass(SECOND);
    const { after } = clock;
    let timers = 0;
    clock.after = (ms, run) => {
      if (++timers > 1000) throw new Error('spins');
      return after.call(clock, ms, run);
    };
    await clock.pass(10 * MINUTE);
    expect(timers).toBeLessThan(20);
  });

  it('does not ask without pause where values last for no time', async () => {
    for (const lifetimeMs of [1, 10]) {
      const { clock, state, get, refresher } = setUp({ keepFresh: true, lifetimeMs });
      await get();
      await clock.pass(10 * SECOND);
      expect(state.fetches.length).toBeLessThanOrEqual(11);
      await refresher.close();
    }
  });

  it('sets no timer if it is not asked for', async () => {
    const { clock, get } = setUp();
    await get();
    expect(clock.timers).toBe(0);
  });
});

describe('a caller that gives up', () => {
  it('gets the reason of its signal; others get the value', async () => {
    const { state, get } = setUp();
    let open = () => {};
    state.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const controller = new AbortController();
    const gone = get({ abortSignal: controller.signal });
    const other = get();
    controller.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    open();
    expect(await other).toBe(1);
  });

  it('starts no other try', async () => {
    const { clock, state, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no');
    const controller = new AbortController();
    const gone = expect(get({ abortSignal: controller.signal })).rejects.toThrow('gone');
    await settle();
    controller.abort(new Error('gone'));
    await gone;
    await clock.pass(20 * SECOND);
    expect(state.fetches.length).toBe(1);
  });

  it('before the call, rejects at once', async () => {
    const { state, get } = setUp();
    await expect(get({ abortSignal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    expect(state.fetches).toEqual([]);
  });
});

describe('close', () => {
  it('forgets the value, and rejects who asks later', async () => {
    const { refresher, get } = setUp();
    await get();
    await refresher.close();
    expect(refresher.current()).toBeUndefined();
    await expect(get()).rejects.toThrow('closed');
    await expect(get({ forceRefresh: true })).rejects.toThrow('closed');
  });

  it('ends the wait for another try', async () => {
    const { clock, state, refresher, get } = setUp({ maxWaitMs: 12 * SECOND });
    state.failWith = new Error('no');
    const closed = expect(get()).rejects.toThrow('closed');
    await settle();
    await refresher.close();
    await closed;
    expect(clock.timers).toBe(0);
    await clock.pass(2 * SECOND);
    expect(state.fetches.length).toBe(1);
  });

  it('leaves the value to who waits for a later try that is under way', async () => {
    const { clock, state, refresher, get } = setUp({ maxWaitMs: 12 * SECOND, keepFresh: true });
    state.failWith = new Error('no');
    const given = get();
    await settle();
    let open = () => {};
    state.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await clock.pass(2 * SECOND);
    state.failWith = undefined;
    const closed = refresher.close();
    await settle();
    open();
    await closed;
    expect(await given).toBe(2);
    expect(clock.timers).toBe(0);
  });
});
