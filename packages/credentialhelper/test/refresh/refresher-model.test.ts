// What happens to a refresher in any order, against a model of what it may do. The limits are those of the documentation
// (docs/resilience.md), not of the implementation.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createQueue } from '../../src/refresh/queue.ts';
import { createRefresher } from '../../src/refresh/refresher.ts';
import type { Pace, Retry } from '../../src/refresh/retry.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Waits for background work of a call, also in the queue of a fleet. */
async function settle(): Promise<void> {
  for (let times = 0; times < 2; times++) await new Promise((resolve) => setImmediate(resolve));
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The delay before each retry at the least, without jitter; the last one for all that follow. */
const LEAST_DELAYS: Readonly<Record<Pace, readonly number[]>> = {
  soon: [1, 2, 4, 8, 16, 32, 48].map((seconds) => seconds * SECOND),
  slowly: [30, 90, 270, 480].map((seconds) => seconds * SECOND),
  never: [Number.POSITIVE_INFINITY],
};
/** With all jitter. */
const JITTER = 1.25;
const LONGEST_RETRY_AFTER_MS = 5 * MINUTE;
/** The delay of a retry after a source has changed. */
const AFTER_CHANGE_MS = SECOND;
/** A slow look at the sources is not repeated for this time. */
const LONGEST_LOOK_MS = 10 * SECOND;

/** keepFresh notices within this time that the system was suspended, or that a source has changed. */
const LONGEST_TIMER_MS = MINUTE;

/** The service as it is now. */
type Service =
  | { readonly tookMs: number; readonly lifeMs: number }
  | { readonly tookMs: number; readonly retry: Retry };

/** A value, which knows when it ends. */
interface Value {
  readonly endsAtMs: number;
}

const LONGEST_FETCH_MS = 70 * SECOND;
const tookMs = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 50) },
  fc.constantFrom(900, 9 * SECOND, LONGEST_FETCH_MS),
);
const lifeMs = fc.oneof(
  fc.integer({ min: 1, max: MINUTE }),
  fc.integer({ min: MINUTE, max: HOUR }),
  fc.constantFrom(15 * MINUTE, HOUR, 12 * HOUR),
);
const works: fc.Arbitrary<Service> = fc.record({ tookMs, lifeMs });
const fails: fc.Arbitrary<Service> = fc.record({
  tookMs,
  retry: fc.record({
    pace: fc.constantFrom('soon' as const, 'slowly' as const, 'never' as const),
    retryAfterMs: fc.option(fc.oneof(fc.nat({ max: MINUTE }), fc.nat({ max: 24 * HOUR })), {
      nil: undefined,
    }),
  }),
});
const ms = fc.oneof(
  fc.nat({ max: 5 * SECOND }),
  fc.nat({ max: 2 * MINUTE }),
  fc.nat({ max: 20 * MINUTE }),
);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('suspend' as const), ms }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      isForced: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
      abortAfterMs: fc.option(fc.nat({ max: 20 * SECOND }), { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('service' as const),
      service: fc.oneof(works, fails),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('change' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('others' as const), tookMs }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const settings = fc.record({
  /** One of a fleet, or alone. */
  isShared: fc.boolean(),
  keepFresh: fc.boolean(),
  maxWaitMs: fc.constantFrom(0, 12 * SECOND, 3 * MINUTE),
  lookMs: fc.constantFrom(0, 0, 1, 50, 2000),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

/** The earliest instants of fetches, by what happened so far. */
function createModel(now: () => number, { lookMs, isShared }: Settings) {
  const failures: Record<Pace, number> = { soon: 0, slowly: 0, never: 0 };
  /** The next fetch that no caller forces: not before; after a failure at the latest, if someone asks. */
  let next = { earliestMs: 0, latestMs: 0 };
  let failedAtMs: number | undefined;
  let changes = 0;
  let changesRead = 0;
  let last: Value | undefined;
  let began = 0;
  return {
    changed: () => void changes++,
    get version() {
      return String(changes);
    },
    /** A fetch begins; throws if it may not. */
    begin(isForced: boolean) {
      const isChanged = failedAtMs !== undefined && changes > changesRead;
      const earliestMs = isChanged
        ? Math.min(next.earliestMs, (failedAtMs ?? 0) + AFTER_CHANGE_MS)
        : next.earliestMs;
      if (!isForced) expect(now(), 'the time of a fetch').toBeGreaterThanOrEqual(earliestMs);
      // The look at the sources is a part of the fetch.
      began = now() - lookMs;
      changesRead = changes;
    },
    succeeded(life: number): Value {
      // The next fetch is that after a failure.
      if (began + life <= now()) return { endsAtMs: began + life };
      Object.assign(failures, { soon: 0, slowly: 0, never: 0 });
      failedAtMs = undefined;
      const isFirst = last === undefined || began >= last.endsAtMs;
      last = { endsAtMs: began + life };
      // Never before half of the lifetime, except once in a fleet, whose refreshes are spread.
      const earliestMs = isShared && isFirst ? began : began + life / 2;
      next = { earliestMs, latestMs: last.endsAtMs };
      return last;
    },
    failed({ pace, retryAfterMs = 0 }: Retry) {
      failedAtMs = now();
      const delays = LEAST_DELAYS[pace];
      const own = delays[Math.min(failures[pace]++, delays.length - 1)] ?? 0;
      const delayMs = Math.max(own, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
      next = { earliestMs: failedAtMs + delayMs, latestMs: failedAtMs + JITTER * delayMs };
    },
    /** Whether there is a valid value. */
    get hasValue() {
      return last !== undefined && now() < last.endsAtMs;
    },
    /** When a caller in a loop has a value again at the latest, if nothing fails from now on. */
    get recoversByMs() {
      return next.latestMs;
    },
  };
}

const LANE = { name: '', limit: 1 };

/** A refresher, what it fetches from, and what is asserted all the time. */
function setUp(given: Settings) {
  const { keepFresh, maxWaitMs, lookMs, random, isShared } = given;
  const clock = createFakeClock(1_000_000, settle);
  const model = createModel(clock.now, given);
  const queue = createQueue(1, setImmediate);
  const state = {
    service: { tookMs: 0, lifeMs: HOUR } as Service,
    underWay: 0,
    open: 0,
    /** Whether a caller has forced the next fetch. */
    isForced: false,
    isClosed: false,
    faults: [] as unknown[],
  };
  /** Asserts in a callback: its exceptions would be taken for those of the service. */
  const check = (assertion: () => void) => {
    try {
      assertion();
    } catch (fault) {
      state.faults.push(fault);
    }
  };
  const fail = (retry: Retry): never => {
    model.failed(retry);
    throw Object.assign(new Error('no'), retry);
  };
  const refresher = createRefresher<Value>({
    ...{ keepFresh, maxWaitMs },
    shared: isShared
      ? {
          enter: (task) => queue.enter(LANE, task),
          late: () => new Error('late'),
        }
      : undefined,
    now: clock.now,
    after: clock.after,
    random: () => random,
    hold: (promise) => promise,
    retryOf: (error) => error as Error & Retry,
    sourceVersion: () => {
      clock.suspend(lookMs);
      return model.version;
    },
    explain: ({ error }) => error,
    closed: () => new Error('closed'),
    expired: () => {
      model.failed({ pace: 'soon' });
      return Object.assign(new Error('expired'), { pace: 'soon' });
    },
    onRefreshFailed: () => {},
    async fetch() {
      const { service } = state;
      check(() => {
        expect(++state.underWay, 'fetches at a time').toBe(1);
        expect(state.isClosed, 'a fetch after the end').toBe(false);
        model.begin(state.isForced);
        state.isForced = false;
      });
      await new Promise<void>((resolve) => void clock.after(service.tookMs, resolve));
      state.underWay--;
      if ('retry' in service) return fail(service.retry);
      return { value: model.succeeded(service.lifeMs), lifeMs: service.lifeMs };
    },
  });
  /** Another member of the fleet takes its turn. */
  const others = (ms: number) => {
    if (queue.running + queue.waiting > 0) return;
    queue.enter(LANE, () => new Promise<void>((resolve) => void clock.after(ms, resolve)));
  };
  return { clock, model, state, refresher, check, others };
}
type World = ReturnType<typeof setUp>;

/** One call, and what is asserted of its outcome. */
async function call(
  { clock, model, state, refresher, check }: World,
  { isForced, abortAfterMs }: Extract<Step, { kind: 'call' }>,
): Promise<void> {
  const controller = new AbortController();
  if (abortAfterMs !== undefined) clock.after(abortAfterMs, () => controller.abort());
  state.open++;
  try {
    if (state.underWay === 0) state.isForced ||= isForced;
    const { endsAtMs, value } = await refresher.get({
      ...{ forceRefresh: isForced, abortSignal: controller.signal },
    });
    check(() => {
      expect(endsAtMs, 'the end of a value').toBe(value.endsAtMs);
      expect(endsAtMs, 'the end of a value').toBeGreaterThan(clock.now());
    });
  } catch (error) {
    const isExpected = isForced || controller.signal.aborted || state.isClosed;
    check(() => expect(!isExpected && model.hasValue, `rejected: ${error}`).toBe(false));
  }
  state.open--;
}

async function happen(world: World, one: Step): Promise<void> {
  const { clock, model, state } = world;
  switch (one.kind) {
    case 'pass':
      return clock.pass(one.ms);
    case 'suspend':
      return clock.suspend(10 * one.ms);
    case 'call':
      call(world, one).catch((fault) => state.faults.push(fault));
      return settle();
    case 'service':
      state.service = one.service;
      return;
    case 'change':
      return model.changed();
    case 'others':
      return world.others(one.tookMs);
  }
}

/** A call that must return a value. */
const asks = { kind: 'call', isForced: false, abortAfterMs: undefined } as const;

/** Runs a property on any settings and steps; it must hold after them. */
function always(runs: number, holds: (world: World, given: Settings) => Promise<void>) {
  const property = fc.asyncProperty(
    settings,
    fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
    async (given, steps) => {
      const world = setUp(given);
      for (const one of steps) await happen(world, one);
      await holds(world, given);
      expect(world.state.faults).toEqual([]);
    },
  );
  return fc.assert(property, { numRuns: runs });
}

/**
 * From now on nothing fails: lets time pass up to the latest time of the next fetch. If there is none before something
 * changes, something changes.
 */
async function recover({ clock, model, state }: World, { lookMs }: Settings): Promise<void> {
  state.service = { tookMs: 0, lifeMs: HOUR };
  // The fetch that is under way may fail; in a fleet, another one may be under way.
  await clock.pass(2 * LONGEST_FETCH_MS + 2 * lookMs);
  if (Number.isFinite(model.recoversByMs)) {
    await clock.pass(Math.max(0, Math.ceil(model.recoversByMs - clock.now()) + 1));
  } else {
    model.changed();
    await clock.pass(AFTER_CHANGE_MS + (lookMs > 0 ? LONGEST_LOOK_MS + 2 * lookMs : 0));
  }
}

it('recovers within one step of its backoff, whatever happened before', async () => {
  await always(400, async (world, given) => {
    await recover(world, given);
    await happen(world, asks);
    await world.clock.pass(2 * given.lookMs);
    expect(world.model.hasValue, 'there is a value').toBe(true);
  });
});

it('has a value at any time with keepFresh, without another call', async () => {
  await always(100, async (world, given) => {
    if (!given.keepFresh) return;
    const { clock, model } = world;
    await happen(world, asks);
    await recover(world, given);
    await clock.pass(LONGEST_TIMER_MS + 2 * given.lookMs);
    for (let minutes = 0; minutes < 180; minutes++) {
      expect(model.hasValue, `there is a value after ${minutes} minutes`).toBe(true);
      await clock.pass(MINUTE);
    }
  });
});

it('ends each call, and leaves nothing behind after the end', async () => {
  await always(400, async ({ clock, state, refresher }) => {
    state.isClosed = true;
    refresher.close().catch((fault) => state.faults.push(fault));
    await clock.pass(0);
    if (state.underWay === 0) expect(state.open, 'calls after the end').toBe(0);
    await clock.pass(5 * MINUTE);
    expect({ open: state.open, timers: clock.timers }).toEqual({ open: 0, timers: 0 });
  });
});
