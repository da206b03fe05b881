import { holdProcess } from '../process/hold.ts';
import type { CompiledFiles } from './compiled-files.ts';
import { nameOptionsAsFlags } from './flag-names.ts';
import { reportError } from './report.ts';
import { readPlainFlags } from './session/plain-flags.ts';
import { printCredentials } from './session/print-credentials.ts';

/**
 * Starts the command line, and sets the exit status of this process.
 *
 * @param args - the arguments after the program's name
 * @param files - the files of the program
 */
export async function start(args: readonly string[], files: CompiledFiles): Promise<void> {
  nameOptionsAsFlags();
  process.exitCode = await holdProcess(run(args, files));
}

/** Runs a command; the call that AWS SDKs make, without the code of the others. */
async function run(args: readonly string[], files: CompiledFiles): Promise<number> {
  const flags = readPlainFlags(args);
  if (flags === undefined) return (await import('./program.ts')).run(args);
  try {
    const isFetched = await printCredentials(flags);
    // Stored by a call that did all that later calls may have to do.
    const missing = isFetched ? files.missing() : [];
    if (missing.length > 0) {
      const { storeCompiled } = await import('./store-compiled.ts');
      await storeCompiled(missing);
    }
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return reportError(error, false);
  }
}
