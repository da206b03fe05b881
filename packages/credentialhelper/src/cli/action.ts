import { printResult, type Result } from './output.ts';

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
