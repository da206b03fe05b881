import { type Command, Option } from 'commander';
import {
  DEFAULT_DEVICE_CLIENT,
  DEFAULT_GREENGRASS,
  SETTINGS,
  type Setting,
} from '../../settings/names.ts';

/** Adds the flags of a session. */
export function addSessionOptions(command: Command): Command {
  const flags = SETTINGS.filter(({ flag }) => flag !== '').map(optionFor);
  for (const option of [...flags, ...PLACES.map(([name, meaning]) => new Option(name, meaning))]) {
    command.addOption(option.helpGroup(SESSION_OPTIONS));
  }
  return command;
}

/** The heading of the flags of a session in help. */
export const SESSION_OPTIONS = 'Options of the session:';

/** The flags that name a place of settings. */
const PLACES = [
  ['--profile <name>', 'profile in ~/.aws/config with keys iot_…; default: AWS_PROFILE'],
  ['--greengrass [path]', `settings of AWS IoT Greengrass v2; default: ${DEFAULT_GREENGRASS}`],
  [
    '--device-client [path]',
    `settings of AWS IoT Device Client; default: ${DEFAULT_DEVICE_CLIENT}`,
  ],
  ['--config <file>', 'file of settings: YAML or JSON'],
] as const;

function optionFor({ flag, value, meaning }: Setting): Option {
  return new Option(value === '' ? flag : `${flag} <${value}>`, meaning);
}
