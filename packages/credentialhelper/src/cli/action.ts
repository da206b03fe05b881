import { printResult, type Result } from './output.ts';
import { isWorker } from './worker.ts';

/** Creates the action of a command: runs it, prints its result, and sets the exit status. */
export function action<Flags extends { readonly json?: boolean }>(
  run: (flags: Flags) => Promise<Result>,
): (flags: Flags) => Promise<void> {
  return async (flags) => {
    const result = await run(flags);
    printResult(result, flags.json === true);
    process.exitCode = result.status ?? 0;
  };
}

/**
 * The same for a command that loads a PKCS#11 library: it runs in a separate process, so that a library that crashes,
 * hangs or prints does not affect this one.
 */
export function workerAction<Flags extends { readonly json?: boolean; readonly timeoutMs: number }>(
  run: (flags: Flags) => Promise<Result>,
): (flags: Flags) => Promise<void> {
  const here = action(run);
  return async (flags) => {
    if (isWorker()) return here(flags);
    const { runInWorker } = await import('./run-in-worker.ts');
    process.exitCode = await runInWorker(flags.timeoutMs);
  };
}
