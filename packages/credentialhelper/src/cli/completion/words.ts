import type { Argument, Command, Option } from 'commander';
import { loadCommands } from '../lazy-commands.ts';

/** What the value of an option or argument is, for completion. */
export type Value =
  | { readonly kind: 'none' | 'file' | 'folder' | 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

/** A word of the command line, with what follows it. */
export interface Flag {
  /** Such as `--role-alias`. */
  readonly name: string;
  readonly description: string;
  /** Its value; one that may be left out is `none`. */
  readonly value: Value;
}

/** A command, with its subcommands. */
export interface Words {
  /** The names after that of the program, such as `token import`; empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Its first argument. */
  readonly argument: Value;
  /** Whether its arguments are another command. */
  readonly runsCommand: boolean;
  readonly subcommands: readonly Words[];
}

/** The words of a command line. */
export async function wordsOf(program: Command): Promise<Words> {
  await loadCommands(program);
  return describe(program, '');
}

function describe(command: Command, path: string): Words {
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  return {
    path,
    summary: command.summary(),
    flags: help.visibleOptions(command).map((option) => ({
      name: option.long ?? '',
      description: option.description,
      value: option.required ? describeValue(option, option.flags) : { kind: 'none' },
    })),
    argument: argument === undefined ? { kind: 'none' } : describeValue(argument, argument.name()),
    runsCommand: argument?.variadic === true,
    subcommands: command.commands.map((inner) => describe(inner, `${path} ${inner.name()}`.trim())),
  };
}

function describeValue({ argChoices }: Option | Argument, name: string): Value {
  if (argChoices !== undefined) return { kind: 'choice', choices: argChoices };
  if (/\b(?:file|path)\b/.test(name)) return { kind: 'file' };
  return { kind: /\bfolder\b/.test(name) ? 'folder' : 'text' };
}

/** A command and all below it. */
export function flatten(words: Words): readonly Words[] {
  return [words, ...words.subcommands.flatMap(flatten)];
}
