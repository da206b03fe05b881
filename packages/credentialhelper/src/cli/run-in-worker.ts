import { fork, type StdioOptions } from 'node:child_process';
import { CredentialHelperError } from '../errors.ts';
import { SIGNALS, WORKER_MARK, type WorkerMessage } from './worker.ts';

/** How long a worker may take to end once it has sent its status, in milliseconds; then it is killed. */
const END_MS = 2000;

/** How long a worker may take to finish or take back what it does once it was told to end, in milliseconds. */
const FINISH_MS = 10_000;

/**
 * Runs this command line in a worker and passes on what it has to say. What else the worker's process prints comes from
 * the PKCS#11 library, may hold a PIN, and is dropped. The worker has the same terminal, and asks there.
 *
 * @param timeoutMs - how long the worker may take, in milliseconds, without the time in which it waits for a person
 * @returns the exit status
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TOKEN_CRASHED` where the worker ends without a status,
 * `ERR_TOKEN_TIMEOUT` where it takes too long and is ended
 */
export function runInWorker(timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', process.argv.slice(2), {
      execArgv: [],
      env: { ...process.env, [WORKER_MARK]: '1' },
      stdio: workerStdio(process.argv),
    });
    let status: number | undefined;
    let kill: NodeJS.Timeout | undefined;
    const killAfter = (limitMs: number) => {
      clearTimeout(kill);
      kill = setTimeout(() => child.kill('SIGKILL'), limitMs);
    };
    let deadline: NodeJS.Timeout | undefined;
    let isLate = false;
    const startDeadline = () => {
      deadline = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
      }, timeoutMs);
    };
    startDeadline();
    let interrupted = false;
    const interrupt = (signal: NodeJS.Signals) => {
      // A worker that is at work ends when that is done, unless its library hangs; who asks twice does not want to wait.
      child.kill(signal);
      killAfter(interrupted ? 0 : FINISH_MS);
      interrupted = true;
    };
    for (const signal of SIGNALS) process.on(signal, interrupt);
    child.on('message', (message: WorkerMessage) => {
      if ('stream' in message) {
        process[message.stream].write(message.text);
        return;
      }
      clearTimeout(deadline);
      if ('isAsking' in message) {
        if (!message.isAsking) startDeadline();
        return;
      }
      status = message.status;
      killAfter(END_MS);
    });
    child.on('error', (cause) => reject(crashed(cause.message, cause)));
    child.on('close', (code, signal) => {
      clearTimeout(kill);
      clearTimeout(deadline);
      for (const name of SIGNALS) process.off(name, interrupt);
      // A library that crashes while its process ends has done its work before.
      if (status !== undefined) resolve(status);
      else if (interrupted) reject(new Interrupted());
      else if (isLate) reject(timedOut(timeoutMs));
      else reject(crashed(signal ?? `exit status ${code}`));
    });
  });
}

/** What the worker inherits: nothing but a file descriptor that a URI names as the place of the PIN. */
function workerStdio(args: readonly string[]): StdioOptions {
  const named = /[?&]pin-source=fd:(\d{1,4})(?:&|$)/m.exec(args.join('\n'))?.[1];
  const fileDescriptor = Number(named ?? 0);
  const stdio: Array<'ignore' | 'inherit' | 'ipc' | number> = ['ignore', 'ignore', 'ignore'];
  if (fileDescriptor === 0) stdio[0] = named === undefined ? 'ignore' : 'inherit';
  else {
    while (stdio.length < fileDescriptor) stdio.push('ignore');
    stdio[fileDescriptor] = fileDescriptor;
  }
  return [...stdio, 'ipc'];
}

/** The command was ended from outside. */
class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

function timedOut(timeoutMs: number): CredentialHelperError {
  return new CredentialHelperError(
    `the PKCS#11 library did not respond within ${timeoutMs} ms; its process was killed`,
    {
      code: 'ERR_TOKEN_TIMEOUT',
      hint: 'is its device or server there? --timeout-ms sets the limit; "token list" shows what is in the token now',
    },
  );
}

function crashed(how: string, cause?: unknown): CredentialHelperError {
  return new CredentialHelperError(
    `the process that had loaded the PKCS#11 library ended before its work was done (${how})`,
    {
      code: 'ERR_TOKEN_CRASHED',
      cause,
      hint: 'the library crashed: look for a newer one; "token list" shows what is in the token now',
    },
  );
}
