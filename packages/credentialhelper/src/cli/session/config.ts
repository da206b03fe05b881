import type { Command } from 'commander';
import { configSchema } from '../../settings/config-schema.ts';
import { misspelledVariables } from '../../settings/environment.ts';
import { action } from '../action.ts';
import { printLine, printText, type Result } from '../output.ts';
import { EXIT_STATUS_HELP, setUpErrors } from '../usage.ts';
import { findSessionSettings, type SessionFlags } from './flags.ts';
import { addSessionOptions } from './options.ts';

/** Defines `config` with its subcommands. */
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
  setUpErrors(command.command('schema'))
    .description(
      'Print the JSON Schema of the file of settings (--config FILE), for editors and other programs.',
    )
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper config schema >settings.schema.json
${EXIT_STATUS_HELP}`,
    )
    .action(async () => printText(`${JSON.stringify(configSchema(), null, 2)}\n`));
}

async function show(flags: SessionFlags): Promise<Result> {
  for (const { name, near } of misspelledVariables(process.env)) {
    printLine('warning', `the environment variable ${name} is unknown: did you mean ${near}?`);
  }
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
