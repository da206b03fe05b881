/** A task in a {@link Queue}. */
export interface Queued<T> {
  /** The result of the task. */
  readonly result: Promise<T>;
  /** Whether it has begun, and has not ended. */
  readonly isRunning: () => boolean;
  /** Moves a waiting task before those that nobody waits for. */
  readonly hurry: () => void;
  /** Rejects a waiting task; a running one continues. */
  readonly cancel: (error: Error) => void;
}

/** Runs a limited number of tasks at a time. */
export interface Queue {
  /**
   * Adds a task.
   *
   * @param lane - tasks of other lanes are not held up by those of this one: lanes take turns
   */
  enter<T>(lane: Lane, task: () => Promise<T>): Queued<T>;
  /** The number of running tasks. */
  readonly running: number;
  /** The number of waiting tasks. */
  readonly waiting: number;
}

/** Tasks that share a resource. */
export interface Lane {
  readonly name: string;
  /** The maximum number of running tasks. */
  readonly limit: number;
}

interface LaneState extends Lane {
  running: number;
  /** The tasks that somebody waits for, and the others, each in their order. */
  readonly hurried: Set<() => Promise<void>>;
  readonly others: Set<() => Promise<void>>;
}

/**
 * Creates a queue. It begins at most one task in each iteration of the event loop, as the beginning of a task takes time.
 *
 * @param limit - the maximum number of running tasks
 * @param inNextIteration - runs a function in the next iteration of the event loop
 */
export function createQueue(limit: number, inNextIteration: (run: () => void) => void): Queue {
  const lanes = new Map<string, LaneState>();
  let running = 0;
  let isScheduled = false;

  function stateOf({ name, limit }: Lane): LaneState {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const state = { name, limit, running: 0, hurried: new Set<never>(), others: new Set<never>() };
    lanes.set(name, state);
    return state;
  }

  function nextLane(): LaneState | undefined {
    if (running >= limit) return undefined;
    for (const lane of lanes.values()) {
      if (lane.running < lane.limit && lane.hurried.size + lane.others.size > 0) return lane;
    }
    return undefined;
  }

  function schedule(): void {
    if (isScheduled || nextLane() === undefined) return;
    isScheduled = true;
    inNextIteration(() => {
      isScheduled = false;
      const lane = nextLane();
      if (lane !== undefined) begin(lane);
      schedule();
    });
  }

  function begin(lane: LaneState): void {
    const [run] = lane.hurried.size > 0 ? lane.hurried : lane.others;
    if (run === undefined) return;
    leave(lane, run);
    // To the end of the lanes.
    lanes.delete(lane.name);
    lanes.set(lane.name, lane);
    lane.running++;
    running++;
    run().then(() => {
      lane.running--;
      running--;
      schedule();
    });
  }

  return {
    enter<T>(given: Lane, task: () => Promise<T>): Queued<T> {
      const lane = stateOf(given);
      const { promise, resolve, reject } = withResolvers<T>();
      let isRunning = false;
      const run = async () => {
        isRunning = true;
        await task().then(resolve, reject);
        isRunning = false;
      };
      lane.others.add(run);
      schedule();
      return {
        result: promise,
        isRunning: () => isRunning,
        hurry() {
          if (lane.others.delete(run)) lane.hurried.add(run);
        },
        cancel(error) {
          if (leave(lane, run)) reject(error);
        },
      };
    },
    get running() {
      return running;
    },
    get waiting() {
      return [...lanes.values()].reduce(
        (sum, lane) => sum + lane.hurried.size + lane.others.size,
        0,
      );
    },
  };
}

/** Removes a waiting task. Returns whether it was waiting. */
function leave({ hurried, others }: LaneState, run: () => Promise<void>): boolean {
  return hurried.delete(run) || others.delete(run);
}

/** `Promise.withResolvers`, which Node.js 20 does not have. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
