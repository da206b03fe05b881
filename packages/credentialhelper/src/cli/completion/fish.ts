import { flatten, type Value, type Words } from './words.ts';

/** The completion script for fish 3.0 or later. */
export function fishCompletion(program: string, words: Words): string {
  const lines = flatten(words).flatMap((command) => {
    const below = command.subcommands.map(({ path }) => last(path));
    const condition = conditionOf(command.path, below);
    return [
      ...command.subcommands.map(
        ({ path, summary }) => `${condition} -f -a ${last(path)} -d ${quoted(summary)}`,
      ),
      ...(command.argument.kind === 'choice'
        ? [`${condition} -f -a ${quoted(command.argument.choices.join(' '))}`]
        : []),
      ...(command.runsCommand ? [`${AFTER_DASHES} -x -a '(__fish_complete_command)'`] : []),
      ...command.flags.map(
        ({ name, description, value }) =>
          `${condition} -l ${name.slice(2)}${valueFlags(value)} -d ${quoted(description)}`,
      ),
    ].map((rest) => `complete -c ${program} ${rest}\n`);
  });
  return `# fish completion of ${program}\n${lines.join('')}`;
}

/** The first word of the command that this one runs. */
const AFTER_DASHES = "-n 'test (commandline -opc)[-1] = --'";

function conditionOf(path: string, below: readonly string[]): string {
  const isAfter = path
    .split(' ')
    .filter((name) => name !== '')
    .map((name) => `__fish_seen_subcommand_from ${name}`);
  const isBefore = below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`];
  const conditions = [...isAfter, ...isBefore].join('; and ');
  return `-n ${quoted(conditions)}`;
}

function valueFlags(value: Value): string {
  switch (value.kind) {
    case 'none':
      return '';
    case 'file':
      return ' -r -F';
    case 'folder':
      return ` -x -a '(__fish_complete_directories)'`;
    case 'choice':
      return ` -x -a ${quoted(value.choices.join(' '))}`;
    case 'text':
      return ' -x';
  }
}

const last = (path: string) => path.split(' ').at(-1) ?? '';

const quoted = (text: string) => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
