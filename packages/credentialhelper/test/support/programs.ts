import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

/** Runs a program of this folder, kills it if it hangs, and returns its output. */
export async function runProgram(
  name: string,
  args: readonly string[],
  timeout = 180_000,
): Promise<string> {
  const program = fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    // V8 enlarges its young generation over time.
    ['--expose-gc', '--max-semi-space-size=1', program, ...args],
    { timeout, killSignal: 'SIGKILL' },
  );
  return stdout;
}

/**
 * Runs a program of this folder that measures its memory before and after many iterations, and checks for leaks: less
 * than 1 KB per iteration of JavaScript heap, and of native memory, and 400 KB.
 */
export async function leavesNothingBehind(
  name: string,
  args: readonly string[],
  { warmUp, count }: { readonly warmUp: number; readonly count: number },
): Promise<void> {
  const result = await runProgram(name, [...args, `${warmUp}`, `${count}`]);
  const { before, after } = JSON.parse(result) as Record<
    'before' | 'after',
    Record<'heapUsed' | 'allocated' | 'descriptors', number>
  >;
  expect(after.descriptors).toBe(before.descriptors);
  // Compiled code and caches change the heap by some 100 KB, however often it is repeated.
  const limit = 400_000 + 1000 * count;
  expect(after.heapUsed - before.heapUsed).toBeLessThan(limit);
  expect(after.allocated - before.allocated).toBeLessThan(limit);
}
