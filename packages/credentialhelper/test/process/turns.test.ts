import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { inTurn } from '../../src/process/turns.ts';

const LONG_MS = 60_000;
const late = () => new Error('late');

/** A task that is completed manually. */
function task(name: string, log: string[]) {
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const run = async () => {
    log.push(`${name} begins`);
    await done;
    log.push(`${name} ends`);
    return name;
  };
  return { run, finish };
}

describe('inTurn', () => {
  it('runs tasks with the same key one at a time, in the order of the calls', async () => {
    const log: string[] = [];
    const tasks = ['a', 'b', 'c'].map((name) => task(name, log));
    const results = tasks.map(({ run }) => inTurn('key', LONG_MS, late, run));
    for (const { finish } of tasks.toReversed()) finish();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('runs tasks with other keys in parallel', async () => {
    const log: string[] = [];
    const [a, b] = [task('a', log), task('b', log)];
    b.finish();
    const first = inTurn('one', LONG_MS, late, a.run);
    expect(await inTurn('another', LONG_MS, late, b.run)).toBe('b');
    a.finish();
    expect(await first).toBe('a');
  });

  it.each<[string, () => Promise<never>]>([
    ['fails', () => Promise.reject(new Error('failed'))],
    [
      'throws',
      () => {
        throw new Error('failed');
      },
    ],
  ])('goes on after a task that %s', async (_how, failing) => {
    const first = inTurn('key', LONG_MS, late, failing);
    const second = inTurn('key', LONG_MS, late, async () => 'second');
    await expect(first).rejects.toThrow('failed');
    expect(await second).toBe('second');
    expect(await inTurn('key', LONG_MS, late, async () => 'third')).toBe('third');
  });

  it('does not run a task that has waited too long, and continues with the next', async () => {
    const log: string[] = [];
    const [a, b, c] = [task('a', log), task('b', log), task('c', log)];
    c.finish();
    const first = inTurn('key', LONG_MS, late, a.run);
    const second = inTurn('key', 10, late, b.run);
    const third = inTurn('key', LONG_MS, late, c.run);
    await expect(second).rejects.toThrow('late');
    expect(log).toEqual(['a begins']);
    a.finish();
    expect(await Promise.all([first, third])).toEqual(['a', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  it('limits the wait, not the task', async () => {
    const slow = async () => {
      await sleep(50);
      return 'slow';
    };
    expect(await inTurn('key', 10, late, slow)).toBe('slow');
  });

  it('keeps no reference to completed tasks', async () => {
    setFlagsFromString('--expose-gc');
    const gc: () => void = runInNewContext('gc');
    const used = async () => {
      await sleep(0);
      gc();
      return process.memoryUsage().heapUsed;
    };
    const before = await used();
    for (let i = 0; i < 200; i++) {
      const key = `${i}`.padEnd(100_000, String.fromCharCode(0x100 + i));
      const tasks = [async () => key, async () => Promise.reject(new Error(key))];
      await Promise.allSettled(tasks.map((run) => inTurn(key, LONG_MS, late, run)));
    }
    // 40 MB went through.
    expect((await used()) - before).toBeLessThan(4_000_000);
  });
});
