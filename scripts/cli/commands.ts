// The commands of the device package, as data.
import { loadCommands } from '../../packages/credentialhelper/src/cli/lazy-commands.ts';
import { createProgram } from '../../packages/credentialhelper/src/cli/program.ts';
import { SESSION_OPTIONS } from '../../packages/credentialhelper/src/cli/session/options.ts';
import { EXIT_STATUS_HELP } from '../../packages/credentialhelper/src/cli/usage.ts';

type Command = ReturnType<typeof createProgram>;

/** An option or argument, as in the help: `--role-alias <name>`, and what it is. */
export interface Term {
  readonly term: string;
  readonly meaning: string;
}

/** A command without subcommands. */
export interface CommandPage {
  /** Such as `token import`. */
  readonly path: string;
  readonly description: string;
  /** Its arguments in its usage, such as `[options] <command...>`. */
  readonly usage: string;
  readonly arguments: readonly Term[];
  /** Its own options. */
  readonly options: readonly Term[];
  /** Whether it also has the options of a session. */
  readonly hasSession: boolean;
  /** What follows the options in its help, without what is the same for all commands. */
  readonly notes: string;
}

/** The pages of all commands, and the options that the commands of a session share. */
export async function readCommands(): Promise<{
  readonly program: string;
  readonly summary: string;
  readonly pages: readonly CommandPage[];
  readonly sessionOptions: readonly Term[];
}> {
  const program = createProgram();
  await loadCommands(program);
  const leaves = leavesOf(program, '');
  const sessionOptions = leaves.map(({ command }) => optionsOf(command, true));
  return {
    program: program.name(),
    summary: program.description(),
    pages: leaves.map(({ command, path }) => pageOf(command, path)),
    sessionOptions: sessionOptions.find(({ length }) => length > 0) ?? [],
  };
}

interface Leaf {
  readonly command: Command;
  readonly path: string;
}

function leavesOf(command: Command, path: string): readonly Leaf[] {
  if (command.commands.length === 0) return [{ command, path }];
  return command.commands.flatMap((inner) => leavesOf(inner, `${path} ${inner.name()}`.trim()));
}

function pageOf(command: Command, path: string): CommandPage {
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    usage: command.usage(),
    arguments: help.visibleArguments(command).map((argument) => ({
      term: help.argumentTerm(argument),
      meaning: help.argumentDescription(argument),
    })),
    options: optionsOf(command, false),
    hasSession: optionsOf(command, true).length > 0,
    notes: notesOf(command),
  };
}

function optionsOf(command: Command, isOfSession: boolean): readonly Term[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .filter(({ helpGroupHeading }) => (helpGroupHeading === SESSION_OPTIONS) === isOfSession)
    .map((option) => ({
      term: help.optionTerm(option),
      meaning: help.optionDescription(option),
    }));
}

function notesOf(command: Command): string {
  let printed = '';
  command.configureOutput({
    writeOut: (text) => {
      printed += text;
    },
  });
  command.outputHelp();
  return printed.slice(command.helpInformation().length).replace(EXIT_STATUS_HELP, '').trim();
}
