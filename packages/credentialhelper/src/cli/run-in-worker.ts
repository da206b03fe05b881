import type { ChildProcess } from 'node:child_process';
import { askChild } from '../process/ask-child.ts';
import { writeTo } from './output.ts';
import { clearWaiting, showWaiting } from './waiting.ts';
import { SIGNALS } from './worker.ts';

/** Time for a worker to exit after it has sent its status, in milliseconds; then it is killed. */
const END_MS = 2000;

/** Time for a worker to finish or roll back after a signal, in milliseconds. */
const FINISH_MS = 10_000;

/** The same after its timeout: then it is more likely that its library hangs. */
const LATE_FINISH_MS = 2000;

/**
 * Runs this command line in a worker and passes on its output. Other output of the worker process comes from the
 * PKCS#11 library, may contain a PIN, and is dropped. The worker has the same terminal, and prompts there.
 *
 * @param timeoutMs - timeout of the worker, in milliseconds, not counting prompts
 * @returns the exit status
 * @throws {@link CredentialHelperError} (as a rejection) errors of `askChild`
 */
export async function runInWorker(timeoutMs: number): Promise<number> {
  let child: ChildProcess | undefined;
  let isInterrupted = false;
  let isAsking = false;
  const interrupt = (signal: NodeJS.Signals) => {
    // A busy worker exits when it is done, unless its library hangs; a second signal kills it.
    child?.kill(signal);
    setTimeout(() => child?.kill('SIGKILL'), isInterrupted ? 0 : FINISH_MS).unref();
    isInterrupted = true;
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const status = askChild<number>({
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
      onReport: { output: ({ stream, text }) => writeTo(stream, text) },
      onAsking: (asks) => {
        isAsking = asks;
        clearWaiting();
      },
      onStarted: (started) => {
        child = started;
      },
    });
    return await showWaiting(status, () => (isAsking ? undefined : 'waiting for the token …'));
  } catch (error) {
    throw isInterrupted ? new Interrupted() : error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

const NAMED_FILE = /(?:\bfd:|\/dev\/fd\/|\/proc\/self\/fd\/)(\d{1,3})\b|\/dev\/stdin\b|^-$/gm;

/**
 * The file descriptors that the worker inherits: only those on the command line, as the source of the PIN or as a
 * file that a shell has opened (process substitution).
 */
function inheritedFiles(args: readonly string[]): readonly (number | 'ignore' | 'inherit')[] {
  const named = new Set(
    Array.from(args.join('\n').matchAll(NAMED_FILE), ([, number = '0']) => Number(number)),
  );
  const last = Math.max(2, ...named);
  // The parent's descriptors 1 and 2 are for its own output.
  return Array.from({ length: last + 1 }, (_, fd) => {
    if (!named.has(fd)) return 'ignore';
    return fd === 0 ? 'inherit' : fd;
  }).filter((_, fd) => fd !== 1 && fd !== 2);
}

/** The command was ended by a signal. */
class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}
