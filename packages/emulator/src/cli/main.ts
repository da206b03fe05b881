#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EmulatorError } from '../errors.ts';
import { type Fault, parseFault } from '../faults/fault.ts';
import { seed } from './seed.ts';
import { start } from './start.ts';

const NAME = 'awsiot-credentialhelper-emulator';
const EXIT_CODES = '\nExit status: 0 success, 1 failure, 2 invalid command line.';

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('Expected a whole number from 0 to 65535.');
}

function fault(text: string, before: readonly Fault[]): readonly Fault[] {
  return [...before, parseFault(text)];
}

const program = new Command(NAME)
  .description(
    'An emulator of the AWS IoT credential provider and of AWS STS, on the loopback interface. For tests; never for production.',
  )
  .addHelpText(
    'after',
    `${EXIT_CODES}

Examples:
  $ ${NAME} seed --dir aws --thing my-thing --role-alias my-alias
  $ ${NAME} start --dir aws`,
  );

program
  .command('seed')
  .description(
    'create everything that a thing needs to get credentials, and write its certificate and key (PKCS#1) into the folder',
  )
  .requiredOption('--dir <dir>', 'folder of the state; created if missing')
  .requiredOption('--thing <name>', 'name of the new thing')
  .requiredOption('--role-alias <name>', 'name of the role alias; created if missing')
  .addHelpText('after', EXIT_CODES)
  .action((options: { dir: string; thing: string; roleAlias: string }) => seed(options));

program
  .command('start')
  .description('start, print one line of JSON when ready, and run until SIGTERM or SIGINT')
  .requiredOption('--dir <dir>', 'folder of the state; created if missing')
  .option('--api-port <port>', 'port of the AWS APIs (default: any free port)', port)
  .option(
    '--credentials-port <port>',
    'port of the credential provider (default: any free port)',
    port,
  )
  .addOption(
    new Option('--min-tls <version>', 'oldest TLS version that the credential provider accepts')
      .choices(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2'),
  )
  .option(
    '--account <id>',
    'AWS account id, 12 digits (default: the one in the folder, or 123456789012)',
  )
  .option('--region <region>', 'AWS region (default: the one in the folder, or us-east-1)')
  .option(
    '--fault <json>',
    'fault to inject at the credential provider, such as {"action":"hang","count":1}; may be repeated',
    fault,
    [],
  )
  .option('--log <file>', 'file that each request is written to, as a line of JSON')
  .addHelpText('after', EXIT_CODES)
  .action(start);

function report(message: string): void {
  process.stderr.write(`${NAME}: error: ${message}\n`);
}

// Errors are printed below, in one format.
for (const command of [program, ...program.commands]) {
  command.exitOverride().configureOutput({ writeErr: () => {} });
}

// The reader may have closed the pipe; other write errors are failures.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return;
  report(`cannot write to stdout: ${message}`);
  process.exit(1);
});
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) {
      report(
        error.code === 'commander.help'
          ? 'no command was passed; --help lists the commands'
          : error.message.replace(/^error: /, ''),
      );
      process.exitCode = 2;
    }
  } else if (error instanceof EmulatorError) {
    report(error.message);
    process.exitCode = error.code === 'ERR_FAULT' ? 2 : 1;
  } else {
    throw error;
  }
}
