import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { EmulatorError } from '../errors.ts';
import { PROGRAM, printError } from './output.ts';
import {
  EXIT_STATUS_HELP,
  nameOf,
  parseFaults,
  parsePort,
  pathOf,
  requireOptions,
  setUpErrors,
  usageStatus,
} from './usage.ts';

/** Creates the command line; the code of a command is loaded when it is called. */
export function createProgram(): Command {
  const program = setUpErrors(new Command(PROGRAM))
    .description(
      'An emulator of the AWS IoT credential provider, and of AWS IoT, IAM and STS, on the loopback interface. For tests; never for production.',
    )
    .version(readVersion(), '--version', 'show the version')
    .addHelpText(
      'after',
      `
Examples:
  ${PROGRAM} seed --dir aws --thing my-thing --role-alias my-alias
  ${PROGRAM} start --dir aws
${EXIT_STATUS_HELP}`,
    );
  return program.addCommand(defineSeed()).addCommand(defineStart());
}

function defineSeed(): Command {
  const command = setUpErrors(new Command('seed'));
  return command
    .summary('create a thing with everything that it needs to get credentials')
    .description(
      'Create a thing with everything that it needs to get credentials, and write its certificate and key (PKCS#1) into the folder. An emulator may be running on the folder.',
    )
    .option('--dir <dir>', 'folder of the state; created if missing', pathOf('a folder'))
    .option('--thing <name>', 'name of the new thing', nameOf('thing name'))
    .option(
      '--role-alias <name>',
      'name of the role alias; created if missing',
      nameOf('role alias'),
    )
    .addHelpText(
      'after',
      `
Example:
  ${PROGRAM} seed --dir aws --thing my-thing --role-alias my-alias
${EXIT_STATUS_HELP}`,
    )
    .action(async (options: { dir: string; thing: string; roleAlias: string }) => {
      requireOptions(command, '--dir <dir>', '--thing <name>', '--role-alias <name>');
      const { seed } = await import('./seed.ts');
      await seed(options);
    });
}

function defineStart(): Command {
  const command = setUpErrors(new Command('start'));
  return command
    .summary('start the emulator')
    .description(
      'Start the emulator, print one line of JSON when it is ready, and run until SIGTERM or SIGINT.',
    )
    .option('--dir <dir>', 'folder of the state; created if missing', pathOf('a folder'))
    .option('--api-port <port>', 'port of the AWS APIs; default: any free port', parsePort)
    .option(
      '--credentials-port <port>',
      'port of the credential provider; default: any free port',
      parsePort,
    )
    .addOption(
      new Option('--min-tls <version>', 'oldest TLS version that the credential provider accepts')
        .choices(['TLSv1.2', 'TLSv1.3'])
        .default('TLSv1.2'),
    )
    .option(
      '--account <id>',
      'AWS account id, 12 digits; default: the one in the folder, or 123456789012',
      nameOf('account id'),
    )
    .option(
      '--region <region>',
      'AWS region; default: the one in the folder, or us-east-1',
      nameOf('region'),
    )
    .option(
      '--fault <json>',
      'fault to inject at the credential provider; also several times',
      parseFaults,
    )
    .option(
      '--log <file>',
      'file that each request is written to, as a line of JSON',
      pathOf('a file'),
    )
    .addHelpText(
      'after',
      `
Examples:
  ${PROGRAM} start --dir aws
  ${PROGRAM} start --dir aws --region cn-north-1 --log requests.jsonl
  ${PROGRAM} start --dir aws --fault '{"response":{"status":503},"count":2}'
${EXIT_STATUS_HELP}`,
    )
    .action(async (options) => {
      requireOptions(command, '--dir <dir>');
      const { start } = await import('./start.ts');
      await start(options);
    });
}

/**
 * Runs the command line.
 *
 * @param args - the arguments after the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    const status = usageStatus(error);
    // Errors of commander are reported already; others are defects.
    if (status !== undefined) return status;
    if (!(error instanceof EmulatorError)) throw error;
    printError(error.message);
    return 1;
  }
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
