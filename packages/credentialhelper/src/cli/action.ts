import { printResult, type Result } from './output.ts';
import { isWorker } from './worker.ts';

/** Makes the action of a command: runs it, prints what it gives back, and sets the exit status. */
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
 * The same for a command that loads a PKCS#11 library: it runs in a process of its own, so that a library that crashes,
 * hangs or prints does so there.
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
