import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkOptions } from '../../options/options.ts';
import type { Layer } from '../../settings/layer.ts';
import { findSettings, optionsOf } from '../../settings/load.ts';
import { SETTINGS, type Setting } from '../../settings/names.ts';
import { action } from '../action.ts';
import { printLine, type Result } from '../output.ts';
import { type Profile, ProfileFile } from '../profiles/profile-file.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import {
  checkRequired,
  givenSettings,
  givenTexts,
  placesOf,
  refuseStdin,
  type SessionFlags,
} from './flags.ts';
import { addSessionOptions } from './options.ts';

/** Defines `configure`. */
export function defineConfigure(command: Command): void {
  addSessionOptions(command)
    .description(
      'Write a profile to ~/.aws/config (or AWS_CONFIG_FILE) with which the AWS CLI and all AWS SDKs get credentials from "credential-process". The settings given become its keys iot_…; nothing else in the file is changed.',
    )
    .option('--dry-run', 'print the profile, and write nothing')
    .option(
      '--force',
      'write it even if the profile has other credentials, which the AWS SDKs may prefer',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper configure --profile my-thing --role-alias my-role-alias --thing-name my-thing \\
    --endpoint a1b2c3d4e5f6g7.credentials.iot.eu-west-1.amazonaws.com \\
    --certificate my-thing-cert.pem --private-key my-thing-key.pem
  awsiot-credentialhelper configure --profile greengrass --greengrass --dry-run
  aws sts get-caller-identity --profile my-thing
${EXIT_STATUS_HELP}`,
    )
    .action(action(configure));
}

async function configure(flags: SessionFlags): Promise<Result> {
  refuseStdin(flags, 'each process that uses the profile reads it again');
  const file = ProfileFile.of('config', process.env);
  const name = String(flags.profile ?? (process.env.AWS_PROFILE || 'default'));
  file.check(name);
  const given = givenSettings(flags);
  const isNamed = Object.hasOwn(await file.read(), name);
  // Without the environment: it may be another one when an SDK uses the profile.
  const settings = await findSettings(
    { ...placesOf(flags), profile: isNamed ? name : undefined },
    given,
    { AWS_CONFIG_FILE: file.path, AWS_PROFILE: name },
  );
  checkRequired(settings);
  const { region } = checkOptions(optionsOf(settings));
  const keys = keysOf(flags, given);
  keys.set('credential_process', commandLine(name, flags));
  if (!settings.has('region') && region !== undefined) keys.set('region', region.name);
  if (flags.force !== true) await refuseOthers(name, file);
  const isDry = flags.dryRun === true;
  const isChanged = isDry ? undefined : await file.write(name, () => keys);
  const values = Object.fromEntries([...keys].filter(([, value]) => value !== undefined));
  const json = { file: file.path, profile: name, keys: values, changed: isChanged };
  if (isDry) {
    const header = name === 'default' ? '[default]' : `[profile ${name}]`;
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    return { lines: [`# ${file.path}`, header, ...lines], json };
  }
  const done = isChanged === true ? 'wrote' : 'nothing to change in';
  return { lines: [`${done} profile "${name}" in ${file.path}`], json };
}

/** The keys to set, and those to remove: a key in a file and one in a token exclude each other. */
function keysOf(flags: SessionFlags, given: Layer): Map<string, string | undefined> {
  const keys = new Map<string, string | undefined>();
  const inToken = given.has('pkcs11.library') || given.has('pkcs11.uri');
  for (const { option, key } of SETTINGS.filter((setting) => setting.key !== '')) {
    const isOfFile = option === 'privateKey' || option === 'passphrase';
    if (inToken ? isOfFile : given.has('privateKey') && option.startsWith('pkcs11.')) {
      keys.set(key, undefined);
    }
  }
  for (const { setting, text } of givenTexts(flags)) {
    if (setting.key === '') {
      throw new UsageError(`${setting.flag} cannot be a key of a profile`, {
        hint: 'leave it out',
      });
    }
    keys.set(setting.key, persistent(setting, text));
  }
  return keys;
}

/** A path, as another working directory needs it. */
function persistent({ value, option }: Setting, text: string): string {
  const isPath = value === 'file' || option === 'pkcs11.library';
  return isPath && !/^pkcs11:/i.test(text) ? resolve(text) : text;
}

function commandLine(name: string, flags: SessionFlags): string {
  const { greengrass, deviceClient, config } = placesOf(flags);
  const script = process.argv[1] ?? '';
  if (/[\\/]_npx[\\/]/.test(script)) {
    printLine('warning', `npx may remove ${script}: install the package`);
  }
  const places = [
    ['--greengrass', greengrass],
    ['--device-client', deviceClient],
    ['--config', config],
  ] as const;
  const arguments_ = places.flatMap(([flag, path]) =>
    path === undefined ? [] : [flag, path.startsWith('~/') ? path : resolve(path)],
  );
  return [process.execPath, script, 'credential-process', '--profile', name, ...arguments_]
    .map(quoted)
    .join(' ');
}

/** Quotes an argument so that a shell of each system, and the AWS CLI, which has its own parser, read it alike. */
function quoted(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  const isQuotable =
    process.platform === 'win32' ? !/["%]/.test(argument) : !/["$`\\!\n]/.test(argument);
  if (isQuotable) return `"${argument}"`;
  throw new UsageError(`not all AWS SDKs can run a command with this path: ${argument}`, {
    hint: 'use a path without the characters " $ ` \\ !',
  });
}

/** Keys that at least one AWS SDK prefers to credential_process. */
const OTHER_CREDENTIALS = [
  ...['aws_access_key_id', 'aws_secret_access_key', 'role_arn', 'web_identity_token_file'],
  ...['sso_session', 'sso_account_id', 'sso_start_url', 'login_session'],
];

/** Refuses a profile that has other credentials. */
async function refuseOthers(name: string, config: ProfileFile): Promise<void> {
  const credentials = ProfileFile.of('credentials', process.env);
  for (const file of [config, credentials]) {
    const { [name]: present = {} }: Readonly<Record<string, Profile>> = await file.read();
    const other = OTHER_CREDENTIALS.find((key) => present[key] !== undefined);
    if (other !== undefined) {
      throw new UsageError(
        `profile "${name}" in ${file.path} has ${other}, which AWS SDKs prefer to credential_process`,
        { hint: 'name another profile, remove the key, or pass --force' },
      );
    }
    const command = present.credential_process;
    if (command !== undefined && !command.includes('credential-process')) {
      throw new UsageError(`profile "${name}" in ${file.path} has another credential_process`, {
        hint: 'name another profile, or pass --force to replace it',
      });
    }
  }
}
