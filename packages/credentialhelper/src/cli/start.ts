import { holdProcess } from '../process/hold.ts';
import { nameOptionsAsFlags } from './flag-names.ts';
import { run } from './program.ts';

/**
 * Starts the command line, and sets the exit status of this process.
 *
 * @param args - the arguments after the program's name
 */
export async function start(args: readonly string[]): Promise<void> {
  // Without a listener, Node.js opens a debugger, which every user of this machine can connect to.
  process.on('SIGUSR1', () => {});
  nameOptionsAsFlags();
  process.exitCode = await holdProcess(run(args));
}
