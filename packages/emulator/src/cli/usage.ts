import { isIP } from 'node:net';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { EmulatorError } from '../errors.ts';
import { parseFault } from '../faults/check-fault.ts';
import type { Fault } from '../faults/fault.ts';
import { isName, NAME_FORMS, type NameKind } from '../names/check-name.ts';
import { printError } from './output.ts';

/** Exit status for an invalid command line. */
const USAGE_STATUS = 2;

/** Returns the part of every help text that explains the exit status. */
export function exitStatusHelp(success: string, failure: string): string {
  return `
Exit status:
  0  ${success}
  1  ${failure}
  2  the command line, or what it names, is wrong`;
}

/** The exit status of most commands. */
export const EXIT_STATUS_HELP: string = exitStatusHelp('it worked', 'it failed; stderr says why');

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

/** Returns the parser of an option that may be set several times, each time to another value. */
export function severalOf(
  parse: (text: string) => string,
): (text: string, before?: readonly string[]) => readonly string[] {
  return (text, before = []) => {
    const value = parse(text);
    if (!before.includes(value)) return [...before, value];
    throw new InvalidArgumentError('It was passed already.');
  };
}

/** Returns the parser of an option that is a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** Parses an option that is an IP address. */
export function parseIp(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError('Expected an IP address.');
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
