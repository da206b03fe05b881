/** A clock, and timers, that only the test moves. */
export interface FakeClock {
  /** The time, in milliseconds. */
  readonly now: () => number;
  /** Runs a function after some milliseconds. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Lets time pass, and runs each timer at its time. */
  pass(ms: number): Promise<void>;
  /** Lets the system sleep: the clock goes on, and timers do not. */
  suspend(ms: number): void;
  /** The number of pending timers. */
  readonly timers: number;
}

/**
 * Creates a clock.
 *
 * @param startMs - its first time
 * @param settle - waits for all that a timer, or the test, has started
 */
export function createFakeClock(startMs: number, settle: () => Promise<unknown>): FakeClock {
  let nowMs = startMs;
  let timers: { atMs: number; readonly run: () => void }[] = [];
  return {
    now: () => nowMs,
    after(ms, run) {
      // In whole milliseconds, as those of Node.js.
      const timer = { atMs: Math.ceil(nowMs + Math.max(0, ms)), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async pass(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (;;) {
        const dueMs = Math.min(...timers.map(({ atMs }) => atMs));
        if (dueMs > endMs) break;
        nowMs = Math.max(nowMs, dueMs);
        for (const timer of timers.filter(({ atMs }) => atMs <= dueMs)) {
          // Not one that an earlier timer has cancelled.
          if (!timers.includes(timer)) continue;
          timers = timers.filter((other) => other !== timer);
          timer.run();
        }
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
    suspend(ms) {
      nowMs += ms;
      for (const timer of timers) timer.atMs += ms;
    },
    get timers() {
      return timers.length;
    },
  };
}
