import type { ChildProcess } from 'node:child_process';
import { CredentialHelperError } from '../errors.ts';
import { childFolder, environmentOfOthers } from '../process/program.ts';
import { after } from '../process/timers.ts';

/** A command that prints a secret: text for a shell, or a program with its arguments, which no shell interprets. */
export type SecretCommand = string | readonly string[];

/** The maximum output: more than any PIN or passphrase, in bytes. */
const MAX_BYTES = 64 * 1024;

/** How long to wait for the end of the output of a program that has exited: it may have started others that hold it. */
const REST_MS = 100;

/**
 * Runs a command, and returns its output. It runs in a process group of its own, without a terminal and without stdin, and
 * writes its errors to stderr of this process. It does not keep this process running, and does not survive its signals.
 *
 * @param what - its name in messages
 * @param limitMs - timeout in milliseconds; then the command and what it started are killed
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_SECRET_SOURCE`. No error shows the command or its output.
 */
export function runCommand(command: SecretCommand, what: string, limitMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Without a cause: errors of `spawn` contain the arguments.
    const fail = (problem: string) =>
      reject(
        new CredentialHelperError(`${what} ${problem}`, {
          code: 'ERR_SECRET_SOURCE',
          hint: 'run the command by hand to see why',
        }),
      );
    let child: ChildProcess;
    try {
      child = start(command);
    } catch (error) {
      // Arguments that are too long, for example.
      fail(`cannot be started: ${(error as NodeJS.ErrnoException).code}`);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (problem: string) => {
      killGroup(child);
      finish(() => fail(problem));
    };
    const cancel = after(limitMs, () => stop(`did not end within ${limitMs} ms`));
    const release = beforeSignals(() => killGroup(child));
    const finish = (settle: () => void) => {
      cancel();
      release();
      child.stdout?.destroy();
      settle();
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_BYTES) stop(`printed more than ${MAX_BYTES} bytes`);
    });
    child.on('error', ({ code }: NodeJS.ErrnoException) => {
      finish(() => fail(`cannot be started: ${code}`));
    });
    const ended = (status: number | null, signal: NodeJS.Signals | null) => {
      finish(() => {
        if (status === 0) resolve(Buffer.concat(chunks));
        else if (signal !== null) fail(`was ended by ${signal}`);
        else fail(`exited with status ${status}`);
      });
    };
    child.on('exit', (...how) => void after(REST_MS, () => ended(...how)));
    child.on('close', ended);
  });
}

const IS_WINDOWS = process.platform === 'win32';

function start(command: SecretCommand): ChildProcess {
  const [file = '', ...args] = typeof command === 'string' ? [command] : command;
  // Loaded here: few processes need it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(file, args, {
    shell: typeof command === 'string',
    // Without a terminal: a prompt there would mix with those of this process.
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, so that all of it can be killed.
    detached: !IS_WINDOWS,
    windowsHide: true,
    env: environmentOfOthers(),
    cwd: childFolder(),
  });
  child.unref();
  (child.stdout as { unref?: () => void } | null)?.unref?.();
  return child;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does something before a signal ends this process; no listener of the program changes that. */
function beforeSignals(act: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    release();
    act();
    // Its default action, which a listener suppresses.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const release = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return release;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(IS_WINDOWS ? pid : -pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
