import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { EmulatorError } from '../errors.ts';
import { type Fault, parseFault } from '../faults/fault.ts';
import { isName, NAME_FORMS, type NameKind } from '../names/check-name.ts';
import { printError } from './output.ts';

/** Exit status for an invalid command line. */
const USAGE_STATUS = 2;

/** The part of every help text that explains the exit status. */
export const EXIT_STATUS_HELP = `
Exit status:
  0  it worked
  1  it failed; stderr says why
  2  the command line, or what it names, is wrong`;

/** A message of commander, with its suggestion of similar names. */
const SUGGESTION = /^error: (.*?)\s*(?:\n\(Did you mean (.*)\?\)\s*)?$/s;

/** Makes a command throw instead of exiting, with a one-line message. */
export function setUpErrors(command: Command): Command {
  return command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (inner) => inner.name() })
    .configureOutput({
      // Help that nobody asked for is not shown: a line says what is missing.
      writeErr: () => {},
      outputError: (text) => {
        const [, problem = text, suggestion] = SUGGESTION.exec(text) ?? [];
        printError(suggestion === undefined ? problem : `${problem}; did you mean ${suggestion}?`);
      },
    });
}

/**
 * Fails if an option is missing. (The check of commander comes before that of unknown options, and would hide a
 * misspelled one.)
 */
export function requireOptions(command: Command, ...names: readonly string[]): void {
  for (const option of command.options) {
    const { flags } = option;
    if (names.includes(flags) && command.opts()[option.attributeName()] === undefined) {
      command.error(`error: required option '${flags}' not specified`);
    }
  }
}

/** The exit status for an error of the command line, which was reported. */
export function usageStatus(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  if (error.code === 'commander.help') {
    printError('no command was passed; --help lists the commands');
  }
  // Help and version were requested, and went to stdout.
  return error.exitCode === 0 ? 0 : USAGE_STATUS;
}

/** Returns the parser of an option that is a name. */
export function nameOf(kind: NameKind): (text: string) => string {
  return (text) => {
    if (isName(kind, text)) return text;
    throw new InvalidArgumentError(`Expected ${NAME_FORMS[kind]}.`);
  };
}

/** Returns the parser of an option that is a path. */
export function pathOf(what: string): (text: string) => string {
  return (text) => {
    if (text !== '') return text;
    throw new InvalidArgumentError(`Expected the path of ${what}.`);
  };
}

/** Parses an option that is a port. */
export function parsePort(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('Expected a whole number from 0 to 65535.');
}

/** Parses an option that is a fault, and adds it to those before. */
export function parseFaults(text: string, before: readonly Fault[] = []): readonly Fault[] {
  try {
    return [...before, parseFault(text)];
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    const example = 'Expected JSON such as {"action":"hang","count":1}.';
    // biome-ignore lint/style/useErrorCause: commander's class has none; the message says all
    throw new InvalidArgumentError(`${error.message}. ${example}`);
  }
}
