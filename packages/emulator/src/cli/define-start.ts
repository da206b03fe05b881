import { type Command, Option } from 'commander';
import { ALL_INTERFACES, LOOPBACK } from '../names/host-names.ts';
import { PROGRAM } from './output.ts';
import { EXIT_STATUS_HELP, nameOf, parseFaults, pathOf, severalOf, wholeNumber } from './usage.ts';

const parsePort = wholeNumber(0, 65_535);

/** Defines `start`. */
export function defineStart(command: Command): void {
  command
    .summary('start the emulator')
    .description(
      'Start the emulator, print where it listens when it is ready (on a terminal for people, otherwise one line of JSON, with access keys), and run until SIGTERM or SIGINT.',
    )
    .option(
      '--dir <dir>',
      'folder of the state; created if missing; default: the state is in memory',
      pathOf('a folder'),
    )
    .option('--api-port <port>', 'port of the AWS APIs; default: any free port', parsePort)
    .option(
      '--credentials-port <port>',
      'port of the credential provider; default: any free port',
      parsePort,
    )
    .addOption(
      new Option(
        '--host <address>',
        'address to listen on: that of this machine alone, or 0.0.0.0 for all interfaces, for a container in a network of tests',
      )
        .choices([LOOPBACK, ALL_INTERFACES])
        .default(LOOPBACK),
    )
    .option(
      '--name <host>',
      'host name by which clients reach it, such as that of its container; also several times',
      severalOf(nameOf('host name')),
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
    .option('--fault <json>', 'fault to inject; also several times', parseFaults)
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
  ${PROGRAM} start --dir aws --host 0.0.0.0 --name emulator
  ${PROGRAM} start --dir aws --fault '{"response":{"status":503},"count":2}'
${EXIT_STATUS_HELP}`,
    )
    .action(async (options) => {
      const { start } = await import('./start.ts');
      await start(options);
    });
}
