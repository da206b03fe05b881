import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CredentialHelperError } from '../errors.ts';
import { type ChildMessage, type Told, unpackError } from './channel.ts';

/** A piece of work for a child process that loads a PKCS#11 library. */
export interface ChildWork {
  /** Gives the program of the child, which calls `answerParent`. */
  readonly program: () => URL;
  /** What it is asked; it goes over the channel between the processes. */
  readonly request: unknown;
  /** The library that it loads. */
  readonly library: string;
  /** How long it may take to answer, in milliseconds; then it is killed. */
  readonly limitMs: number;
  /** What to do where that was not enough. */
  readonly limitHint: string;
  /** How long it may take to end once it has answered, in milliseconds; then it is killed. 0: it is killed at once. */
  readonly endMs: number;
  /** An environment variable that the child must not see, because the PIN is in it. */
  readonly hidden: string | undefined;
  /** Called with what the child tells besides its answer. Default: nobody. */
  readonly onTold?: { readonly [Kind in keyof Told]: (content: Told[Kind]) => void } | undefined;
  /** Told what the library printed, which may hold a PIN. Default: nobody. */
  readonly onPrinted?: ((text: string) => void) | undefined;
}

const MAX_PRINTED_CHARACTERS = 4096;

/**
 * Has a piece of work done in a child process of its own, which ends afterwards. A library that crashes, hangs or prints
 * does so there.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_CHILD_PROGRAM`, `ERR_TOKEN_TIMEOUT`, `ERR_TOKEN_CRASHED`,
 * and all that the child's work throws
 */
export async function askChild<Answer>(work: ChildWork): Promise<Answer> {
  const { library, limitMs } = work;
  const program = findProgram(work.program);
  return new Promise((resolve, reject) => {
    const child = start(program, work);
    const printed = collectOutput(child);
    let done = false;
    const settle = (finish: () => void) => {
      if (done) return;
      done = true;
      clearTimeout(deadline);
      letGo(child, work.endMs);
      finish();
    };
    const fail = (message: string, hint: string, cause?: unknown) =>
      settle(() =>
        reject(new CredentialHelperError(message, { code: 'ERR_TOKEN_CRASHED', hint, cause })),
      );
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      const message = `the PKCS#11 library ${library} did not respond within ${limitMs} ms; its process was killed`;
      const details = { code: 'ERR_TOKEN_TIMEOUT', hint: work.limitHint } as const;
      settle(() => reject(new CredentialHelperError(message, details)));
    }, limitMs);

    child.on('message', (message: ChildMessage<Answer>) => {
      if (message.kind === 'answer') settle(() => resolve(message.answer));
      else if (message.kind === 'error') settle(() => reject(unpackError(message.error)));
      else (work.onTold?.[message.kind] as (content: unknown) => void)?.(message.content);
    });
    child.on('error', (cause) => {
      fail(
        `cannot start the process that is to load the PKCS#11 library ${library}: ${cause.message}`,
        'does this system allow more processes?',
        cause,
      );
    });
    child.on('close', (code, signal) => {
      const text = printed();
      if (text !== '') work.onPrinted?.(text);
      fail(
        `the process that had loaded the PKCS#11 library ${library} ended before it answered (${signal ?? `exit status ${code}`})`,
        'the library crashed: look for a newer one, and for what it logged itself',
      );
    });
    // Where the child ends at once, `close` tells; the channel has nothing to add.
    child.send(work.request as object, () => {});
  });
}

function findProgram(program: () => URL): string {
  let path: string | undefined;
  try {
    path = fileURLToPath(program());
    if (existsSync(path)) return path;
  } catch {
    // In a bundle that is CommonJS there is no URL.
  }
  throw new CredentialHelperError(
    `the program of the child process that is to load the PKCS#11 library is missing${path === undefined ? '' : `: ${path}`}`,
    {
      code: 'ERR_CHILD_PROGRAM',
      hint: 'in a bundle, leave this package out (as external), or pass "isolate": false',
    },
  );
}

function start(program: string, { hidden, onPrinted }: ChildWork): ChildProcess {
  const output = onPrinted === undefined ? 'ignore' : 'pipe';
  return fork(program, [], {
    execArgv: [],
    env: environmentWithout(hidden),
    serialization: 'advanced',
    stdio: ['ignore', output, output, 'ipc'],
    // In a session of its own it has no terminal, so nothing in it can ask for a PIN there.
    detached: true,
  });
}

function environmentWithout(name: string | undefined): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: PKCS#11 libraries find their configuration by environment variables
  const environment = { ...process.env };
  if (name !== undefined) delete environment[name];
  return environment;
}

/** Lets a child that has answered end by itself, without this process waiting for it; a child that hangs is killed. */
function letGo(child: ChildProcess, endMs: number): void {
  if (endMs === 0) {
    child.kill('SIGKILL');
    return;
  }
  const kill = setTimeout(() => child.kill('SIGKILL'), endMs);
  kill.unref();
  child.once('exit', () => clearTimeout(kill));
  child.unref();
  // Bun's channel has no such method.
  child.channel?.unref?.();
  for (const stream of [child.stdout, child.stderr]) {
    (stream as { unref?: () => void } | null)?.unref?.();
  }
}

/** Keeps the first part of what a child prints. */
function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(0, MAX_PRINTED_CHARACTERS);
    });
  }
  return () => text.trim();
}
