import { type Flag, flatten, type Value, type Words } from './words.ts';

/** The completion script for zsh 5 or later. */
export function zshCompletion(program: string, words: Words): string {
  const name = `_${program}`;
  const functions = flatten(words).map((command) => functionOf(name, command));
  return `#compdef ${program}
# zsh completion of ${program}

${functions.join('\n')}
if [[ $funcstack[1] == ${name} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi
`;
}

function functionOf(
  program: string,
  { path, flags, argument, runsCommand, subcommands }: Words,
): string {
  const specs = [
    ...flags.map(specOf),
    ...(subcommands.length > 0 ? [`': :->command'`, `'*:: :->arguments'`] : []),
    ...(runsCommand
      ? [`'(-)1:command: _command_names -e'`, `'*:: :_normal'`]
      : argument.kind === 'none'
        ? []
        : [quoted(`1:argument:${actionOf(argument)}`)]),
  ];
  const body = `  _arguments -S -C ${specs.map((spec) => `\\\n    ${spec}`).join(' ')}`;
  return `${nameOf(program, path)}() {
  local state line curcontext="$curcontext"
${body}
${subcommands.length === 0 ? '' : dispatch(program, subcommands)}}
`;
}

function dispatch(program: string, subcommands: readonly Words[]): string {
  const described = subcommands.map(({ path, summary }) =>
    quoted(`${last(path)}:${summary.replaceAll(':', '\\:')}`),
  );
  const cases = subcommands.map(({ path }) => `      ${last(path)}) ${nameOf(program, path)} ;;`);
  return `  case $state in
    command)
      local -a commands=(${described.map((one) => `\n        ${one}`).join('')}
      )
      _describe command commands ;;
    arguments) case $words[1] in
${cases.join('\n')}
    esac ;;
  esac
`;
}

/** A specification of `_arguments` (zshcompsys(1)). */
function specOf({ name, description, value }: Flag): string {
  const meaning = description.replaceAll(/[[\]:\\]/g, '\\$&');
  const rest = value.kind === 'none' ? '' : `:value:${actionOf(value)}`;
  return quoted(`${name}[${meaning}]${rest}`);
}

function actionOf(value: Value): string {
  switch (value.kind) {
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'choice':
      return `(${value.choices.join(' ')})`;
    case 'text':
    case 'none':
      return ' ';
  }
}

const nameOf = (program: string, path: string) =>
  path === '' ? program : `${program}_${path.replaceAll(' ', '_')}`;

const last = (path: string) => path.split(' ').at(-1) ?? '';

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
