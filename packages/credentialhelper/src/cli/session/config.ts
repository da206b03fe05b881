import type { Command } from 'commander';
import { action } from '../action.ts';
import type { Result } from '../output.ts';
import { EXIT_STATUS_HELP, setUpErrors } from '../usage.ts';
import { addSessionOptions, findSessionSettings, type SessionFlags } from './flags.ts';

/** Defines `config` with its subcommand. */
export function defineConfig(command: Command): void {
  command.description('The settings of a session.');
  addSessionOptions(setUpErrors(command.command('show')))
    .description('Show each setting and where it was found. Secrets are not shown.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper config show
  awsiot-credentialhelper config show --greengrass --json
${EXIT_STATUS_HELP}`,
    )
    .action(action(show));
}

async function show(flags: SessionFlags): Promise<Result> {
  const settings = [...(await findSessionSettings(flags))].map(([option, { shown, origin }]) => ({
    option,
    value: shown,
    origin,
  }));
  return {
    lines:
      settings.length === 0
        ? ['no settings were found']
        : settings.map(({ option, value, origin }) => `${option} = ${value}  (${origin})`),
    json: { settings },
  };
}
