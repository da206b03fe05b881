import { type Command, Option } from 'commander';
import type { KeyType } from '../pki/keys.ts';
import { PROGRAM } from './output.ts';
import {
  EXIT_STATUS_HELP,
  nameOf,
  pathOf,
  requireOptions,
  severalOf,
  wholeNumber,
} from './usage.ts';

/** Defines `seed`. */
export function defineSeed(command: Command): void {
  command
    .summary('create a thing with everything that it needs to get credentials')
    .description(
      'Create a thing with everything that it needs to get credentials, write its certificate and key (PKCS#1 for RSA, SEC1 for EC) into the folder, and print one line of JSON. Each thing is created as a whole, or not at all. An emulator may be running on the folder.',
    )
    .option('--dir <dir>', 'folder of the state; created if missing', pathOf('a folder'))
    .option(
      '--thing <name>',
      'name of the new thing; also several times',
      severalOf(nameOf('thing name')),
    )
    .option(
      '--role-alias <name>',
      'name of the role alias; created if missing',
      nameOf('role alias'),
    )
    .addOption(
      new Option('--key-type <type>', 'type of the key').choices(KEY_TYPES).default('RSA-2048'),
    )
    .option(
      '--duration <seconds>',
      'how long credentials for the role alias are valid: 900 to 43200; default: that of the role alias if it exists, otherwise 3600',
      wholeNumber(900, 43_200),
    )
    .addHelpText(
      'after',
      `
Examples:
  ${PROGRAM} seed --dir aws --thing my-thing --role-alias my-alias
  ${PROGRAM} seed --dir aws --thing one --thing two --role-alias my-alias --key-type EC-P256 --duration 900
${EXIT_STATUS_HELP}`,
    )
    .action(async (options) => {
      requireOptions(command, '--dir <dir>', '--thing <name>', '--role-alias <name>');
      const { seed } = await import('./seed.ts');
      await seed(options);
    });
}

const KEY_TYPES = ['RSA-2048', 'EC-P256', 'EC-P384'] satisfies KeyType[];
