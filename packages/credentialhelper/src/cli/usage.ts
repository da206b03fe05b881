import { type Command, Help, InvalidArgumentError } from 'commander';
import { PROGRAM, printLine, writeTo } from './output.ts';
import { UsageError } from './usage-error.ts';

/** The part of every help text that explains the exit status. */
export const EXIT_STATUS_HELP = `
Exit status:
  0  it worked
  1  it failed; stderr says why
  2  the command line, or what it names, is wrong`;

/**
 * Makes a command throw instead of exiting, with a one-line message. Input is shown only if it can only be a name: it
 * may be a secret.
 */
export function setUpErrors(command: Command): Command {
  return command
    .exitOverride()
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({ groupItems: ownFirst })
    .configureOutput({
      writeOut: (text) => writeTo('stdout', text),
      writeErr: (text) => writeTo('stderr', text),
      outputError: (text) => {
        const [, problem = text, suggestion] = SUGGESTION.exec(text) ?? [];
        printLine('error', withoutValues(problem, suggestion !== undefined));
        if (/unknown option '--(?:user-|so-)?pin/.test(problem)) {
          printLine('hint', 'other users can see a PIN on the command line; use --pin-file');
        } else if (suggestion !== undefined) {
          printLine('hint', `did you mean ${suggestion}?`);
        } else {
          printLine('hint', `see ${path(command)} --help`);
        }
      },
    });
}

/** The groups of options in help: those of the command itself come first. */
const ownFirst: Help['groupItems'] = (unsorted, visible, groupOf) => {
  const groups = new Help().groupItems(unsorted, visible, groupOf);
  const own = groups.get('Options:');
  return own === undefined ? groups : new Map([['Options:', own], ...groups]);
};

/** A message of commander, which may quote lines of the input, and suggests similar names. */
const SUGGESTION = /^(.*?)\s*(?:\n\(Did you mean ((?:one of )?[a-z-]+(?:, [a-z-]+)*)\?\)\s*)?$/s;

/** The message of commander, without text that may be a secret. */
function withoutValues(problem: string, isNearName: boolean): string {
  return problem
    .replace(/^error: /, '')
    .replace(/argument '.*' is invalid/s, 'argument is invalid')
    .replace(/unknown option '(.*)'/s, (_, text: string) => {
      const [name] = /^--[a-z]+(?:-[a-z]+)*(?==|$)/.exec(text) ?? [];
      return name === undefined
        ? `unknown option: a string of ${text.length} characters`
        : `unknown option '${name}'`;
    })
    .replace(/unknown command '(.*)'/s, (known, text: string) =>
      isNearName && /^[a-z-]{1,16}$/.test(text)
        ? known
        : `unknown command: a string of ${text.length} characters`,
    );
}

/**
 * The value of a flag that must be given. (The check of commander comes before that of unknown options, and would hide a
 * misspelled one.)
 *
 * @throws {@link UsageError} if it is not given
 */
export function requireFlag(value: string | undefined, flag: string): string {
  if (value !== undefined) return value;
  throw new UsageError(`option ${flag} is missing`);
}

/** Parses an option that is a whole number, 0 or more. */
export function parseWholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number, 0 or more.');
}

/** A day, in milliseconds: Node.js timers do not support much more. */
const MAX_TIMEOUT_MS = 86_400_000;

/** Parses a timeout. */
export function parseTimeoutMs(text: string): number {
  const ms = parseWholeNumber(text);
  if (ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_TIMEOUT_MS}.`);
}

function path(command: Command): string {
  const { parent } = command;
  return parent === null ? PROGRAM : `${path(parent)} ${command.name()}`;
}
