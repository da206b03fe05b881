import { parseArgs } from 'node:util';
import { SETTINGS } from '../../settings/names.ts';
import { nameOfFlag, type SessionFlags } from './flags.ts';

const NO_CACHE = '--no-cache';

/** The flags of `credential-process` that take a value, and the others. */
const WITH_VALUE = [
  ...SETTINGS.filter(({ value }) => value !== '').map(({ flag }) => flag),
  ...['--profile', '--greengrass', '--device-client', '--config'],
];
const WITHOUT_VALUE = [
  NO_CACHE,
  ...SETTINGS.filter(({ value }) => value === '').map(({ flag }) => flag),
];

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

const typed = (flags: readonly string[], type: 'string' | 'boolean') =>
  flags.filter((flag) => flag !== '').map((flag) => [flag.slice(2), { type }] as const);

const OPTIONS = Object.fromEntries([
  ...typed(WITH_VALUE, 'string'),
  ...typed(WITHOUT_VALUE, 'boolean'),
]);
