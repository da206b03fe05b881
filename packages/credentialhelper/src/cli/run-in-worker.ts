import type { ChildProcess } from 'node:child_process';
import { askChild } from '../process/ask-child.ts';
import { SIGNALS } from './worker.ts';

/** How long a worker may take to end once it has sent its status, in milliseconds; then it is killed. */
const END_MS = 2000;

/** How long a worker may take to finish or take back what it does once it was told to end, in milliseconds. */
const FINISH_MS = 10_000;

/** The same where its time limit is over: then it is more likely that its library hangs. */
const LATE_FINISH_MS = 2000;

/**
 * Runs this command line in a worker and passes on what it has to say. What else the worker's process prints comes from
 * the PKCS#11 library, may hold a PIN, and is dropped. The worker has the same terminal, and asks there.
 *
 * @param timeoutMs - how long the worker may take, in milliseconds, without the time in which it waits for a person
 * @returns the exit status
 * @throws {@link CredentialHelperError} (as a rejection) what `askChild` throws
 */
export async function runInWorker(timeoutMs: number): Promise<number> {
  let child: ChildProcess | undefined;
  let isInterrupted = false;
  const interrupt = (signal: NodeJS.Signals) => {
    // A worker that is at work ends when that is done, unless its library hangs; who asks twice does not want to wait.
    child?.kill(signal);
    setTimeout(() => child?.kill('SIGKILL'), isInterrupted ? 0 : FINISH_MS).unref();
    isInterrupted = true;
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await askChild<number>({
      program: () => new URL('./worker-child.js', import.meta.url),
      request: process.argv.slice(2),
      library: 'the PKCS#11 library',
      limitMs: timeoutMs,
      limitHint:
        'is its device or server available? --timeout-ms sets the limit; "token list" shows what is in the token now',
      crashHint: '"token list" shows what is in the token now',
      finishMs: LATE_FINISH_MS,
      endMs: END_MS,
      hasTerminal: true,
      inherited: inheritedFiles(process.argv),
      onTold: { output: ({ stream, text }) => process[stream].write(text) },
      onStarted: (started) => {
        child = started;
      },
    });
  } catch (error) {
    throw isInterrupted ? new Interrupted() : error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

const NAMED_FILE = /(?:\bfd:|\/dev\/fd\/|\/proc\/self\/fd\/)(\d{1,3})\b|\/dev\/stdin\b/g;

/**
 * What the worker inherits: nothing but the open file descriptors that the command line names, as the place of the PIN or
 * as a file that a shell has opened (process substitution).
 */
function inheritedFiles(args: readonly string[]): readonly (number | 'ignore' | 'inherit')[] {
  const named = new Set(
    Array.from(args.join('\n').matchAll(NAMED_FILE), ([, number = '0']) => Number(number)),
  );
  const last = Math.max(2, ...named);
  // What the parent has as 1 and 2 is for its own output.
  return Array.from({ length: last + 1 }, (_, fd) => {
    if (!named.has(fd)) return 'ignore';
    return fd === 0 ? 'inherit' : fd;
  }).filter((_, fd) => fd !== 1 && fd !== 2);
}

/** The command was ended from outside. */
class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}
