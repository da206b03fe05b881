import { Command } from 'commander';
import { EmulatorError } from '../errors.ts';
import { defineEnv } from './define-env.ts';
import { defineExplain } from './define-explain.ts';
import { defineSeed } from './define-seed.ts';
import { defineStart } from './define-start.ts';
import { PROGRAM, printError } from './output.ts';
import { EXIT_STATUS_HELP, setUpErrors, usageStatus } from './usage.ts';
import { VERSION } from './version.ts';

/**
 * Creates the command line; the code of a command is loaded when it is called.
 *
 * @param exit - called with the exit status of a command that succeeds with several
 */
export function createProgram(exit: (status: number) => void = () => {}): Command {
  const program = setUpErrors(new Command(PROGRAM))
    .description(
      'An emulator of the AWS IoT credential provider, and of AWS IoT, IAM and STS, on the loopback interface. For tests; never for production.',
    )
    .version(VERSION, '--version', 'show the version')
    .addHelpText(
      'after',
      `
Examples:
  ${PROGRAM} seed --dir aws --thing my-thing --role-alias my-alias
  ${PROGRAM} start --dir aws
${EXIT_STATUS_HELP}`,
    );
  const command = (name: string) => setUpErrors(program.command(name));
  defineSeed(command('seed'));
  defineStart(command('start'));
  defineEnv(command('env'));
  defineExplain(command('explain'), exit);
  return program;
}

/**
 * Runs the command line.
 *
 * @param args - the arguments after the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    let status = 0;
    const program = createProgram((given) => {
      status = given;
    });
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    const status = usageStatus(error);
    // Errors of commander are reported already; others are defects.
    if (status !== undefined) return status;
    if (!(error instanceof EmulatorError)) throw error;
    printError(error.message);
    return 1;
  }
}
