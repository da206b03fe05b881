import type { Command } from 'commander';
import { PROGRAM } from './output.ts';
import { exitStatusHelp, nameOf, parseIp, pathOf, requireOptions } from './usage.ts';

/**
 * Defines `explain`.
 *
 * @param exit - called with the exit status
 */
export function defineExplain(command: Command, exit: (status: number) => void): void {
  command
    .summary('explain whether a thing would get credentials')
    .description(
      'Explain whether a thing would get credentials: each step of the decision, in the order of AWS, with what was looked at, the policy statement that decided, and the AWS CLI commands after which a step that failed holds. An emulator may be running on the folder.',
    )
    .option('--dir <dir>', 'folder of the state', pathOf('a folder'))
    .option(
      '--thing <name>',
      'name of the thing; default: the request names none',
      nameOf('thing name'),
    )
    .option(
      '--certificate <id-or-file>',
      'id of the certificate of the device, or its file (PEM)',
      pathOf('a certificate'),
    )
    .option('--role-alias <name>', 'name of the role alias', nameOf('role alias'))
    .option('--source-ip <address>', 'address of the device; default: 127.0.0.1', parseIp)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  ${PROGRAM} explain --dir aws --thing my-thing --certificate aws/my-thing-cert.pem --role-alias my-alias
${exitStatusHelp('the thing would get credentials', 'it would not, or it cannot be told; stderr says why')}`,
    )
    .action(async (options) => {
      requireOptions(command, '--dir <dir>', '--certificate <id-or-file>', '--role-alias <name>');
      const { explain } = await import('./explain.ts');
      exit(await explain(options, (problem) => command.error(`error: ${problem}`)));
    });
}
