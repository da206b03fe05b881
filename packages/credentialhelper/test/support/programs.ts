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
    ['--expose-gc', program, ...args],
    { timeout, killSignal: 'SIGKILL' },
  );
  return stdout;
}

/** Runs a program of this folder that measures itself, and checks that it left nothing behind. */
export async function leavesNothingBehind(name: string, args: readonly string[]): Promise<void> {
  const { before, after } = JSON.parse(await runProgram(name, args)) as Record<
    'before' | 'after',
    Record<'heapUsed' | 'rss' | 'descriptors', number>
  >;
  expect(after.descriptors).toBe(before.descriptors);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(1e6);
  // Node.js 26 takes 21e6.
  expect(after.rss - before.rss).toBeLessThan(25e6);
}
