import { parseArgs } from 'node:util';
import { SETTINGS } from '../../settings/names.ts';
import { nameOfFlag, type SessionFlags } from './flags.ts';

/**
 * The flags of a call of `credential-process`, read by Node.js: that takes less time than to load commander.
 *
 * @param args - the arguments of the program
 * @returns undefined for another command, and for all but flags with their values, such as `--help`, and mistakes:
 * commander reads them, in the same way
 */
export function readPlainFlags([command, ...args]: readonly string[]): SessionFlags | undefined {
  if (command !== 'credential-process') return undefined;
  try {
    const { values } = parseArgs({ args, options: OPTIONS });
    const named = Object.entries(values).map(([name, value]) => [nameOfFlag(`--${name}`), value]);
    const { noCache, ...flags } = Object.fromEntries(named);
    return { ...flags, cache: noCache !== true };
  } catch {
    return undefined;
  }
}

/** The flags of `credential-process` and their types. */
const FLAGS = [
  ...SETTINGS.filter(({ flag }) => flag !== '').map(
    ({ flag, value }) => [flag, value === '' ? 'boolean' : 'string'] as const,
  ),
  ['--profile', 'string'],
  ['--greengrass', 'string'],
  ['--device-client', 'string'],
  ['--config', 'string'],
  ['--no-cache', 'boolean'],
] as const;

const OPTIONS = Object.fromEntries(FLAGS.map(([flag, type]) => [flag.slice(2), { type }]));
