import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueue, type Lane } from '../../src/refresh/queue.ts';

const A: Lane = { name: 'a', limit: 2 };
const B: Lane = { name: 'b', limit: 1 };

/** A queue whose tasks begin and end when the test says so. */
function setUp(limit: number) {
  const iterations: (() => void)[] = [];
  const queue = createQueue(limit, (run) => iterations.push(run));
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const enter = (name: string, lane = A) =>
    queue.enter(lane, () => {
      begun.push(name);
      return new Promise<string>((resolve, reject) => {
        ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
      });
    });
  /** The next iteration of the event loop. */
  const iterate = () => {
    for (const run of iterations.splice(0)) run();
  };
  const settle = async () => {
    while (iterations.length > 0) {
      iterate();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const end = async (name: string, error?: Error) => {
    ends.get(name)?.(error);
    await new Promise((resolve) => setImmediate(resolve));
    await settle();
  };
  return { queue, begun, enter, iterate, settle, end };
}

describe('createQueue', () => {
  it('runs tasks in their order, as many at a time as the lane allows', async () => {
    const { queue, begun, enter, settle, end } = setUp(10);
    const results = ['1', '2', '3', '4'].map((name) => enter(name).result);
    await settle();
    expect(begun).toEqual(['1', '2']);
    expect([queue.running, queue.waiting]).toEqual([2, 2]);
    await end('2');
    expect(begun).toEqual(['1', '2', '3']);
    for (const name of ['1', '3', '4']) await end(name);
    expect(await Promise.all(results)).toEqual(['1', '2', '3', '4']);
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('begins one task in each iteration of the event loop', () => {
    const { begun, enter, iterate } = setUp(10);
    const lane = { name: 'c', limit: 10 };
    for (const name of ['1', '2', '3']) enter(name, lane);
    expect(begun).toEqual([]);
    iterate();
    expect(begun).toEqual(['1']);
    iterate();
    expect(begun).toEqual(['1', '2']);
  });

  it('lets lanes take turns', async () => {
    const { begun, enter, settle, end } = setUp(1);
    for (const name of ['a1', 'a2', 'a3']) enter(name, A);
    for (const name of ['b1', 'b2']) enter(name, B);
    await settle();
    for (const name of ['a1', 'b1', 'a2', 'b2']) await end(name);
    expect(begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  it('does not let a full lane hold up another', async () => {
    const { begun, enter, settle } = setUp(10);
    for (const name of ['b1', 'b2', 'b3']) enter(name, B);
    enter('a1', A);
    await settle();
    expect(begun).toEqual(['b1', 'a1']);
  });

  it('prefers tasks that somebody waits for', async () => {
    const { begun, enter, settle, end } = setUp(1);
    enter('1');
    enter('2');
    enter('3').hurry();
    await settle();
    await end('3');
    await end('1');
    expect(begun).toEqual(['3', '1', '2']);
  });

  it('goes on after a task that fails', async () => {
    const { begun, enter, settle, end } = setUp(1);
    const failing = enter('1').result;
    enter('2');
    await settle();
    const failed = expect(failing).rejects.toThrow('no');
    await end('1', new Error('no'));
    await failed;
    expect(begun).toEqual(['1', '2']);
  });

  it('cancels a task that waits, and not one that runs', async () => {
    const { begun, enter, settle, end } = setUp(1);
    const running = enter('1');
    await settle();
    const waiting = enter('2');
    running.cancel(new Error('not in time'));
    waiting.cancel(new Error('cancelled'));
    await expect(waiting.result).rejects.toThrow('cancelled');
    await end('1');
    expect(await running.result).toBe('1');
    expect(begun).toEqual(['1']);
  });

  const step = fc.record({
    action: fc.constantFrom('enter', 'enter', 'hurry', 'cancel', 'end', 'iterate'),
    pick: fc.nat(20),
  });
  it('runs each task once, and never more than the limits, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step), async (limit, steps) => {
        const { queue, begun, enter, iterate, settle, end } = setUp(limit);
        const tasks: ReturnType<typeof enter>[] = [];
        const ended = new Set<string>();
        const running = () => begun.filter((name) => !ended.has(name));
        const pickOf = <T>(list: readonly T[], pick: number) => list[pick % list.length];
        const finish = async (name: string | undefined) => {
          if (name === undefined) return;
          ended.add(name);
          await end(name);
        };
        const actions: Record<string, (pick: number) => unknown> = {
          enter: (pick) => tasks.push(enter(`${tasks.length}`, pick % 2 === 0 ? A : B)),
          hurry: (pick) => pickOf(tasks, pick)?.hurry(),
          cancel: (pick) => pickOf(tasks, pick)?.cancel(new Error('cancelled')),
          end: (pick) => finish(pickOf(running(), pick)),
          iterate,
        };
        const results: Promise<string>[] = [];
        for (const { action, pick } of steps) {
          await actions[action]?.(pick);
          if (action === 'enter') results.push(tasks.at(-1)?.result.catch(() => '') ?? fail());
          expect(running().length).toBeLessThanOrEqual(limit);
          expect(queue.running).toBe(running().length);
        }
        await settle();
        while (running().length > 0) await finish(running()[0]);
        const completed = (await Promise.all(results)).filter((name) => name !== '');
        expect(begun.toSorted()).toEqual(completed.toSorted());
        expect([queue.running, queue.waiting]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});

function fail(): never {
  throw new Error('no task');
}
