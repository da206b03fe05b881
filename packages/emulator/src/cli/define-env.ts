import { type Command, Option } from 'commander';
import { ENV_FORMATS } from './env-formats.ts';
import { PROGRAM } from './output.ts';
import { EXIT_STATUS_HELP, pathOf, requireOptions } from './usage.ts';

/** Defines `env`. */
export function defineEnv(command: Command): void {
  command
    .summary('print environment variables for the AWS CLI and SDKs')
    .description(
      'Print the environment variables with which the AWS CLI and SDKs use the emulator that runs on a folder, as its root user.',
    )
    .option('--dir <dir>', 'folder of a running emulator', pathOf('a folder'))
    .addOption(
      new Option('--format <format>', 'how to print them')
        .choices(Object.keys(ENV_FORMATS))
        .default('sh'),
    )
    .addHelpText(
      'after',
      `
Examples:
  eval "$(${PROGRAM} env --dir aws)"
  ${PROGRAM} env --dir aws --format dotenv >.env
${EXIT_STATUS_HELP}`,
    )
    .action(async (options) => {
      requireOptions(command, '--dir <dir>');
      const { printEnv } = await import('./env.ts');
      await printEnv(options);
    });
}
