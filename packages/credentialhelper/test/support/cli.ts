import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { findSecret } from './secrets.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The built command line. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The result of a command. */
export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The options for a command. */
interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly main?: string;
  /** Signals to send, half a second apart, once there is a file. */
  readonly signals?: { readonly onceThereIs: string; readonly send: readonly NodeJS.Signals[] };
}

/** Runs the built command line without a terminal. Every run is searched for the secrets of the tests. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { env = {}, main = MAIN } = options;
  // In its own session it has no terminal.
  const child = spawn(process.execPath, [main, ...args], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { onceThereIs = '', send = [] } = options.signals ?? {};
  const left = [...send];
  const sending = setInterval(() => {
    if (!existsSync(onceThereIs)) return;
    const signal = left.shift();
    if (signal !== undefined) child.kill(signal);
  }, 500);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
    (resolve, reject) => {
      child.on('error', reject).on('close', (...ended) => resolve(ended));
    },
  );
  clearInterval(sending);
  expect(left, 'what was never sent').toEqual([]);
  expect(findSecret(stdout + stderr), 'a secret in what the command printed').toBeUndefined();
  return { status, signal, stdout, stderr };
}

/** Runs a command that must succeed, with `--json`, and returns its output. */
export async function runJson<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
  const { status, stdout, stderr } = await run([...args, '--json'], options);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as T;
}

/** The result of a command on a terminal. */
interface TerminalRun extends Run {
  /** The output on the terminal. */
  readonly seen: string;
}

/**
 * Runs the built command line on a terminal, with stdin, stdout and stderr elsewhere, and types an answer at each
 * prompt.
 */
export async function runOnTerminal(
  args: readonly string[],
  dialogue: readonly (readonly [question: string, answer: string])[],
): Promise<TerminalRun> {
  const folder = temporaryFolderOfThisFile();
  const files = ['stdout', 'stderr'].map((name) => join(folder, `${name}-${Math.random()}`));
  const quoted = [process.execPath, MAIN, ...args].map(
    (arg) => `'${arg.replaceAll("'", "'\\''")}'`,
  );
  const command = `${quoted.join(' ')} </dev/null >${files[0]} 2>${files[1]}`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...dialogue];
  let seen = '';
  let unanswered = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
    unanswered += chunk;
    const [question, answer] = left[0] ?? [];
    if (question === undefined || !unanswered.includes(question)) return;
    left.shift();
    unanswered = '';
    child.stdin.write(answer ?? '');
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  expect(left, `what was never asked; seen: ${seen}`).toEqual([]);
  const [stdout = '', stderr = ''] = files.map((file) => readFileSync(file, 'utf8'));
  expect(findSecret(stdout + stderr + seen), 'a secret in what was shown').toBeUndefined();
  return { status, signal: null, stdout, stderr, seen };
}

let folderOfThisFile: string | undefined;

function temporaryFolderOfThisFile(): string {
  if (folderOfThisFile === undefined) throw new Error('call useTerminal() first');
  return folderOfThisFile;
}

/** Prepares {@link runOnTerminal}; call it at the beginning of a test file. */
export function useTerminal(): void {
  folderOfThisFile = temporaryFolder();
}
