import { flatten, type Value, type Words } from './words.ts';

/** The completion script for bash 3.2 or later. */
export function bashCompletion(program: string, words: Words): string {
  const commands = flatten(words);
  const name = `_${program.replaceAll('-', '_')}`;
  const ofKind = (kind: string, completion: string) => {
    const all = commands.flatMap(({ flags }) => flags.filter(({ value }) => value.kind === kind));
    const names = [...new Set(all.map((flag) => flag.name))].join('|');
    return names === '' ? '' : `    ${names}) ${completion}return ;;\n`;
  };
  const choices = commands.flatMap(({ path, flags }) =>
    flags.flatMap(({ name: flag, value }) =>
      value.kind === 'choice' ? [[`'${path} ${flag}'`, value] as const] : [],
    ),
  );
  return `# bash completion of ${program}
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= candidates= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == -- ]]; then
      if ((i + 1 == COMP_CWORD)); then COMPREPLY=($(compgen -c -- "$current")); fi
      return
    fi
    case "$command \${COMP_WORDS[i]}" in
${commands
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${nested(path)}') command='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$command $previous" in
${choices.map(([pattern, value]) => `    ${pattern}) candidates='${candidates(value)}'; previous= ;;`).join('\n')}
  esac
  case "$previous" in
${ofKind('file', '')}${ofKind('folder', 'COMPREPLY=($(compgen -d -- "$current")); ')}${ofKind('text', 'compopt +o default 2>/dev/null; ')}  esac
  if [[ -z $candidates ]]; then
    case "$command" in
${commands.map((one) => `      '${one.path}') candidates='${completions(one)}' ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o default -F ${name} ${program}
`;
}

/** The path as the loop of the script builds it: `token import` follows `token`. */
function nested(path: string): string {
  return path.includes(' ') ? path : ` ${path}`;
}

function completions({ subcommands, flags, argument }: Words): string {
  return [
    ...subcommands.map(({ path }) => path.split(' ').at(-1)),
    candidates(argument),
    ...flags.map(({ name }) => name),
  ]
    .filter((word) => word !== '')
    .join(' ');
}

const candidates = (value: Value) => (value.kind === 'choice' ? value.choices.join(' ') : '');
