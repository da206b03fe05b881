import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const scripts = Object.fromEntries(
  await Promise.all(
    ['bash', 'fish', 'zsh'].map(async (shell) => {
      const { status, stdout } = await run(['completion', shell]);
      expect(status).toBe(0);
      const file = join(folder, shell === 'zsh' ? '_awsiot-credentialhelper' : `script.${shell}`);
      writeFileSync(file, stdout);
      return [shell, file] as const;
    }),
  ),
);
const here = join(folder, 'here');
mkdirSync(join(here, 'subfolder'), { recursive: true });
writeFileSync(join(here, 'cert.pem'), '');

/** Runs a program of a shell in a folder with a file and a folder. */
async function shell(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: here,
    env: { PATH: process.env.PATH, HOME: folder, TERM: 'dumb' },
  });
  return stdout;
}

/** The completions of bash: those of the script, else of files if it leaves them to bash. */
async function bash(line: string): Promise<readonly string[]> {
  const words = line.split(' ').slice(1);
  const program = `
    complete() { options="$*"; }
    compopt() { options=; }
    . ${scripts.bash}
    COMP_WORDS=(awsiot-credentialhelper ${words.map((word) => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length}
    _awsiot_credentialhelper
    if [[ \${#COMPREPLY[@]} == 0 && $options == *default* ]]; then COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); fi
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines(await shell('bash', '--norc', '-c', program));
}

async function fish(line: string): Promise<readonly string[]> {
  const program = `source ${scripts.fish}; complete -C '${line}'`;
  const output = await shell('fish', '--no-config', '-c', program);
  return lines(output).map((one) => one.split('\t')[0] ?? '');
}

/** What shells of zsh share. Each would write it if there were none, while others read it. */
const zshDump = shell(
  'zsh',
  '-f',
  '-c',
  `fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -d ${folder}/dump`,
);

/** The completions of zsh, from its list on a pseudo-terminal. */
async function zsh(line: string): Promise<readonly string[]> {
  await zshDump;
  const program = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "PS1=AT-PROMPT; fpath=(${folder} \\$fpath); autoload -Uz compinit; compinit -C -u -d ${folder}/dump; unsetopt zle_bracketed_paste; LISTMAX=9999; zstyle ':completion:*' list-grouped false; null-line() { compstate[list]=list }; setopt nobeep noautomenu listrowsfirst"
    zpty -w shell 'complete-it() { compadd() { if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi; typeset -a hits; builtin compadd -A hits "$@"; print -l -- HIT:$^hits; }; _main_complete; print COMPLE""TED }; zle -C complete-it list-choices complete-it; bindkey "^X" complete-it; print REA""DY'
    zpty -r shell output '*READY*AT-PROMPT*'
    zpty -w -n shell ${JSON.stringify(line)}$'\\C-X'
    zpty -r shell output '*COMPLETED*'
    print -r -- $output
    zpty -d shell`;
  const output = await shell('zsh', '-f', '-c', program);
  // The list, and not the echo of the commands that print it.
  return lines(output).flatMap((one) => /HIT:([^\s$]+)/.exec(one)?.[1] ?? []);
}

const lines = (text: string) => text.split(/\r?\n/).filter((line) => line !== '');

const COMMANDS = ['credential-process', 'exec', 'env', 'config', 'completion', 'token'];

it.each([
  ['bash', bash],
  ['fish', fish],
  ['zsh', zsh],
] as const)('%s completes commands, options, choices and files', async (_name, complete) => {
  const contains = (some: readonly string[]) => expect.arrayContaining([...some]);
  const rows: readonly (readonly [string, unknown])[] = [
    ['', contains(COMMANDS)],
    ['token ', contains(['list', 'change-pin'])],
    ['token ', expect.not.arrayContaining(['exec'])],
    ['config ', contains(['show'])],
    ['env --form', ['--format']],
    ['token import --del', ['--delete-source']],
    ['env --del', []],
    ['env --format fi', ['fish']],
    ['completion ', contains(['bash', 'fish', 'zsh'])],
    ['env --certificate ce', ['cert.pem']],
    ['env --role-alias ce', []],
    ['exec --role-alias exec -- tru', contains(['true'])],
  ];
  // A shell at its prompt waits more than it computes.
  const completed = await Promise.all(
    rows.map(([rest]) => complete(`awsiot-credentialhelper ${rest}`)),
  );
  expect(completed).toEqual(rows.map(([, expected]) => expected));
});

it('refuses another shell', async () => {
  const { status, stderr } = await run(['completion', 'tcsh']);
  expect(status).toBe(2);
  expect(stderr.split('\n')[0]).toContain('Allowed choices are bash, fish, zsh');
});
