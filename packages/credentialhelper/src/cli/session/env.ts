import { type Command, Option } from 'commander';
import { printText } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import type { SessionFlags } from './flags.ts';
import { firstCredentials, openSource, readSettings } from './open.ts';
import { addSessionOptions } from './options.ts';
import { variablesOf } from './variables.ts';

type Variables = readonly (readonly [name: string, value: string])[];

const quoted = (value: string) => `'${value.replaceAll("'", "'\\''")}'`;

/** The formats; values of credentials contain neither quotes nor line breaks. */
const FORMATS: Readonly<Record<string, (variables: Variables) => string>> = {
  sh: (variables) => variables.map(([name, value]) => `export ${name}=${quoted(value)}\n`).join(''),
  fish: (variables) =>
    variables.map(([name, value]) => `set -gx ${name} ${quoted(value)}\n`).join(''),
  powershell: (variables) =>
    variables.map(([name, value]) => `$env:${name} = '${value}'\n`).join(''),
  dotenv: (variables) => variables.map(([name, value]) => `${name}=${value}\n`).join(''),
  json: (variables) => `${JSON.stringify(Object.fromEntries(variables), null, 2)}\n`,
};

/** Defines `env`. */
export function defineEnv(command: Command): void {
  addSessionOptions(command)
    .description(
      'Print credentials as environment variables. They expire; "credential-process" does not.',
    )
    .addOption(
      new Option('--format <format>', 'how to print them')
        .choices(Object.keys(FORMATS))
        .default('sh'),
    )
    .addHelpText(
      'after',
      `
Examples:
  eval "$(awsiot-credentialhelper env --profile my-thing)"
  awsiot-credentialhelper env --profile my-thing --format dotenv >.env
${EXIT_STATUS_HELP}`,
    )
    .action(async (flags: SessionFlags) => {
      const settings = await readSettings(flags);
      const source = await openSource(settings);
      const variables = variablesOf(await firstCredentials(source, settings));
      printText(
        FORMATS[String(flags.format)]?.([
          ...Object.entries(variables),
          ['AWS_REGION', settings.region.name],
          // boto3 and version 1 of the AWS CLI read this one alone.
          ['AWS_DEFAULT_REGION', settings.region.name],
        ]) ?? '',
      );
    });
}
