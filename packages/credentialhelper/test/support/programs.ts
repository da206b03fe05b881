import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

/** Runs a program of this folder, ends it where it hangs, and gives what it printed. */
export async function runProgram(
  name: string,
  args: readonly string[],
  timeout = 180_000,
): Promise<string> {
  const program = fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    // V8 makes its young generation larger in time, and allocates for it.
    ['--expose-gc', '--max-semi-space-size=1', program, ...args],
    { timeout, killSignal: 'SIGKILL' },
  );
  return stdout;
}

/**
 * Runs a program of this folder that measures itself before and after it does something many times, and checks that it
 * leaves nothing behind: less than 1 KB each time of JavaScript's heap, and of what native code allocates.
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
  expect(after.heapUsed - before.heapUsed).toBeLessThan(1000 * count);
  expect(after.allocated - before.allocated).toBeLessThan(1000 * count);
}
