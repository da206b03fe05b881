import { describe, expect, it } from 'vitest';
import { createQueue } from '../../src/refresh/queue.ts';
import { createRefresher, type Refresher } from '../../src/refresh/refresher.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const MINUTE = 60_000;

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** Refreshers that share a queue and a service, on a clock that only the test moves. */
function setUp(count: number, { limit = 32, maxWaitMs = 0, lifeMs = 60 * MINUTE } = {}) {
  const clock = createFakeClock(0, tick);
  const queue = createQueue(limit, setImmediate);
  const state = {
    fetches: [] as { readonly refresher: number; readonly atMs: number }[],
    running: 0,
    peak: 0,
    isDown: false,
    gate: Promise.resolve(),
  };
  const lane = { name: '', limit };
  // A sequence that looks random and is always the same (Numerical Recipes).
  let seed = 1;
  const random = () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  const refreshers = Array.from({ length: count }, (_, index) =>
    createRefresher<number>({
      now: clock.now,
      after: clock.after,
      random,
      hold: (promise) => promise,
      maxWaitMs,
      keepFresh: false,
      shared: { enter: (task) => queue.enter(lane, task), late: () => new Error('late') },
      retryOf: () => ({ pace: 'soon' }),
      sourceVersion: () => '',
      explain: ({ error }) => error,
      closed: () => new Error('closed'),
      expired: () => new Error('expired'),
      onRefreshFailed() {},
      async fetch() {
        const value = state.fetches.push({ refresher: index, atMs: clock.now() });
        state.running++;
        state.peak = Math.max(state.peak, state.running);
        await state.gate;
        state.running--;
        if (state.isDown) throw new Error('down');
        return { value, lifeMs };
      },
    }),
  );
  const idle = async () => {
    while (queue.running + queue.waiting > 0) await tick();
  };
  /** Each minute one call of each. */
  const live = async (
    minutes: number,
    call = (refresher: Refresher<number>) => refresher.get(),
  ) => {
    for (let minute = 0; minute < minutes; minute++) {
      for (const refresher of refreshers) call(refresher).catch(() => {});
      await idle();
      await clock.pass(MINUTE);
    }
  };
  return { clock, state, refreshers, live, idle };
}

/** The numbers of fetches in each five minutes from one minute to another. */
function perFiveMinutes(
  fetches: readonly { readonly atMs: number }[],
  fromMinute: number,
  toMinute: number,
): readonly number[] {
  const counts = new Array<number>((toMinute - fromMinute) / 5).fill(0);
  for (const { atMs } of fetches) {
    const index = Math.floor((atMs / MINUTE - fromMinute) / 5);
    if (index >= 0 && index < counts.length) counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

const mean = (counts: readonly number[]) =>
  counts.reduce((sum, count) => sum + count, 0) / counts.length;

describe('refreshers that share a queue', () => {
  it('fetch for 10,000 at a flat rate for two hours after they began together: at most twice the mean', async () => {
    const { state, live } = setUp(10_000);
    await live(121);
    const counts = perFiveMinutes(state.fetches, 1, 121);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * mean(counts));
  });

  it('are spread again after an outage in which all values expired', async () => {
    const { state, live } = setUp(500);
    await live(1);
    state.isDown = true;
    await live(90);
    state.isDown = false;
    await live(180);
    // The first two minutes fetch for all.
    const counts = perFiveMinutes(state.fetches, 95, 270);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * mean(counts));
  });

  it('fetch at most so many at a time as the queue allows', async () => {
    const { state, refreshers } = setUp(100, { limit: 3, maxWaitMs: 1000 });
    const { promise, open } = gate();
    state.gate = promise;
    const all = Promise.all(refreshers.map((refresher) => refresher.get()));
    for (let i = 0; i < 10; i++) await tick();
    open();
    const values = await all;
    expect(new Set(values.map(({ value }) => value)).size).toBe(100);
    expect(state.peak).toBe(3);
  });

  it('reject a caller whose turn does not come in time, and keep the place in the queue', async () => {
    const { clock, state, refreshers, idle } = setUp(2, { limit: 1, maxWaitMs: 1000 });
    const { promise, open } = gate();
    state.gate = promise;
    const [first, second] = refreshers as [Refresher<number>, Refresher<number>];
    const slow = first.get();
    await clock.pass(1);
    const late = expect(second.get()).rejects.toThrow('late');
    await clock.pass(1000);
    await late;
    open();
    // Its fetch had begun.
    expect((await slow).value).toBe(1);
    await idle();
    expect(state.fetches.map(({ refresher }) => refresher)).toEqual([0, 1]);
    expect([(await first.get()).value, (await second.get()).value]).toEqual([1, 2]);
  });

  it('reject a forced refresh whose turn does not come in time, and one that waits when they are closed', async () => {
    const { clock, state, refreshers, idle } = setUp(3, { limit: 1, maxWaitMs: 1000 });
    const { promise, open } = gate();
    const [first, second, third] = refreshers as [
      Refresher<number>,
      Refresher<number>,
      Refresher<number>,
    ];
    state.isDown = true;
    await expect(third.get({ forceRefresh: true })).rejects.toThrow('down');
    state.isDown = false;
    state.gate = promise;
    const slow = first.get({ forceRefresh: true });
    await clock.pass(1);
    const late = expect(second.get({ forceRefresh: true })).rejects.toThrow('late');
    const closed = expect(third.get({ forceRefresh: true })).rejects.toThrow('closed');
    await third.close();
    await closed;
    await clock.pass(1000);
    await late;
    open();
    // Its fetch had begun.
    expect((await slow).value).toBe(2);
    await idle();
    expect((await second.get()).value).toBe(3);
  });

  it('count the life of a value from its own fetch, not from the wait for it', async () => {
    const { clock, state, refreshers } = setUp(2, { limit: 1, maxWaitMs: 60 * MINUTE });
    const { promise, open } = gate();
    state.gate = promise;
    const [first, second] = refreshers as [Refresher<number>, Refresher<number>];
    const values = Promise.all([first.get(), second.get()]);
    await clock.pass(20 * MINUTE);
    open();
    const [one, other] = await values;
    expect([one.endsAtMs, other.endsAtMs]).toEqual([60 * MINUTE, 80 * MINUTE]);
  });

  it('leave the queue when they are closed, and fetch nothing', async () => {
    const { clock, state, refreshers } = setUp(2, { limit: 1, maxWaitMs: 1000 });
    const { promise, open } = gate();
    state.gate = promise;
    const [first, second] = refreshers as [Refresher<number>, Refresher<number>];
    const running = first.get();
    const waiting = expect(second.get()).rejects.toThrow('closed');
    await clock.pass(1);
    await second.close();
    await waiting;
    open();
    await running;
    await clock.pass(1);
    expect(state.fetches.length).toBe(1);
    await expect(second.get()).rejects.toThrow('closed');
  });

  it('serve a thing that somebody waits for before those that are refreshed in the background', async () => {
    const { clock, state, refreshers, idle } = setUp(4, { limit: 1, maxWaitMs: 60 * MINUTE });
    const { promise, open } = gate();
    state.gate = promise;
    const [running, second, third, called] = refreshers as Refresher<number>[];
    running?.prefetch();
    await clock.pass(1);
    second?.prefetch();
    third?.prefetch();
    called?.prefetch();
    const value = called?.get();
    open();
    await value;
    await idle();
    expect(state.fetches.map(({ refresher }) => refresher)).toEqual([0, 3, 1, 2]);
  });
});

/** A promise that the test resolves. */
function gate() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
