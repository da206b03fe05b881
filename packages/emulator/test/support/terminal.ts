import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that runs on a terminal. */
export interface OnTerminal {
  /** Waits until it has printed a text, on stdout or stderr. */
  waitFor(text: string): Promise<void>;
  /** Types Ctrl+C. */
  interrupt(): void;
  /** Waits for its end; returns its exit status, and all that it printed. */
  end(): Promise<{ readonly status: number; readonly printed: string }>;
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Starts a program on a terminal of its own. */
export function startOnTerminal(
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): OnTerminal {
  // Nothing else is inherited: CI, NO_COLOR and others decide whether Node.js uses colors.
  const { PATH, HOME } = process.env;
  // A shell that went on would get Ctrl+C too, and its exit status would be the shell's.
  const command = `exec ${words.map(quoted).join(' ')}`;
  const child: ChildProcessWithoutNullStreams = spawn(
    'script',
    ['--quiet', '--return', '--command', command, '/dev/null'],
    { env: { PATH, HOME, LANG: 'C.UTF-8', TERM: 'xterm-256color', ...environment } },
  );
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const closed = once(child, 'close');
  return {
    async waitFor(text) {
      while (!printed.includes(text)) await Promise.race([once(child.stdout, 'data'), closed]);
    },
    interrupt() {
      child.stdin.write('\u0003');
    },
    async end() {
      const [status] = (await closed) as [number];
      return { status, printed };
    },
  };
}
