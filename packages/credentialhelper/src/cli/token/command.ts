import type { Command } from 'commander';
import { addLazyCommands } from '../lazy-commands.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';

/** Defines `token` with its subcommands. */
export function defineToken(command: Command): void {
  command.description('Keys in PKCS#11 tokens: SoftHSM, TPMs, smart cards, network HSMs.');
  command.addHelpText('after', EXIT_STATUS_HELP);
  addLazyCommands(command, {
    list: {
      summary: 'list the PKCS#11 modules, slots, tokens and objects of this system',
      load: async () => (await import('./list.ts')).defineList,
    },
    init: {
      summary: 'initialize a token',
      load: async () => (await import('./init.ts')).defineInit,
    },
    import: {
      summary: 'import a private key from a file, or a certificate, into a token',
      load: async () => (await import('./import.ts')).defineImport,
    },
    generate: {
      summary: 'generate a key pair in a token, and a certificate signing request for it',
      load: async () => (await import('./generate.ts')).defineGenerate,
    },
    verify: {
      summary: 'test whether a key in a token can be used for TLS with its certificate',
      load: async () => (await import('./verify.ts')).defineVerify,
    },
    delete: {
      summary: 'delete a key pair, or one object, from a token',
      load: async () => (await import('./delete.ts')).defineDelete,
    },
    'change-pin': {
      summary: 'change the user PIN of a token',
      load: async () => (await import('./change-pin.ts')).defineChangePin,
    },
  });
}
