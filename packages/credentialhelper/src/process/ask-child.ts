import type { ChildProcess, StdioOptions } from 'node:child_process';
import { CredentialHelperError } from '../errors.ts';
import { optionName } from '../option-names.ts';
import { VERSION } from '../version.ts';
import { type ChildOutput, keepChild, keyToKeep, neverKeep, takeChild } from './kept-children.ts';
import { type FromChild, pack, type Reports, unpack, unpackError } from './messages.ts';
import {
  type ChildOptions,
  childEnvironment,
  childFolder,
  findNode,
  findProgram,
  inheritedFlags,
} from './program.ts';
import { startFailure } from './start-failure.ts';
import { clearTimeout, monotonicMs, setImmediate, setTimeout } from './timers.ts';

/** A task for a child process that loads a PKCS#11 library. */
export interface ChildWork {
  /** Returns the program of the child, which calls `answerParent`. */
  readonly program: () => URL;
  /** What to start instead. */
  readonly options?: ChildOptions | undefined;
  /** The request; it is sent over the IPC channel. */
  readonly request: unknown;
  /** The name in messages of the library that it loads. */
  readonly library: string;
  /** Timeout for start and response, in milliseconds; then it is killed. */
  readonly limitMs: number;
  /** Elapsed part of the timeout, in milliseconds. Default 0. */
  readonly waitedMs?: number | undefined;
  /** The hint after a timeout. */
  readonly limitHint: string;
  /** The hint after a crash of the library, besides an update. */
  readonly crashHint: string;
  /**
   * Time after the timeout to finish or roll back, in milliseconds. Default 0: it is killed at its
   * timeout.
   */
  readonly finishMs?: number | undefined;
  /** Time to exit after its response, in milliseconds; then it is killed. 0: it is killed at once. */
  readonly endMs: number;
  /**
   * Whether it has the terminal of this process. Default: no terminal, so that a library cannot prompt for a PIN there.
   */
  readonly hasTerminal?: boolean | undefined;
  /** The file descriptors that it inherits as stdin and after stderr. Default: none. */
  readonly inherited?: readonly (number | 'ignore' | 'inherit')[] | undefined;
  /** Called with messages of the child before its response. Default: ignored. */
  readonly onReport?:
    | { readonly [Kind in keyof Reports]?: (content: Reports[Kind]) => void }
    | undefined;
  /** Called with the output of the library. Default: ignored. */
  readonly onPrinted?: ((text: string) => void) | undefined;
  /** Removes secrets from the output of the library. Default: unchanged. */
  readonly redact?: ((text: string) => string) | undefined;
  /**
   * The key for which a child that answered without an error is kept for a moment: the next task with the same key
   * takes it. Default: it exits.
   */
  readonly keepAs?: string | undefined;
  /** Called when the child begins and ends to ask its user, for whom its deadline is suspended. */
  readonly onAsking?: ((isAsking: boolean) => void) | undefined;
  /** Called with the child, to send it signals. */
  readonly onStarted?: ((child: ChildProcess) => void) | undefined;
}

/** A handler for each kind of message. */
type Handlers = {
  readonly [Kind in FromChild['kind']]?: (
    content: Extract<FromChild, { readonly kind: Kind }>['content'],
  ) => void;
};

const MAX_PRINTED_CHARACTERS = 4096;

/**
 * Runs a task in a child process, which exits afterwards unless it is kept for the next task. If a kept child ends
 * without an answer, a new one runs the task. A library that crashes, hangs or prints does not affect this process. The
 * child does not keep this process running; pending promises do.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_CHILD_PROGRAM`, `ERR_OUT_OF_RESOURCES`,
 * `ERR_TOKEN_TIMEOUT`, `ERR_TOKEN_CRASHED`, and errors of the child's task
 */
export async function askChild<Answer>(work: ChildWork): Promise<Answer> {
  const { library, limitMs, waitedMs = 0, finishMs = 0 } = work;
  const begin = monotonicMs() - waitedMs;
  const what = `load ${library}`;
  const node = findNode(work.options ?? {});
  const program = findProgram(work.options ?? {}, work.program);
  const key = work.keepAs && keyToKeep(work.keepAs, node, program);
  const kept = key === undefined ? undefined : takeChild(key);
  const child = kept?.child ?? start(node, program, work, what);
  const output = kept?.output ?? collectOutput(child);
  output.begin(work.redact);
  work.onStarted?.(child);
  let phase: 'starting' | 'ready' | 'using the library' = kept === undefined ? 'starting' : 'ready';

  return new Promise((resolve, reject) => {
    let deadline: NodeJS.Timeout;
    let lateError: CredentialHelperError | undefined;
    let isDone = false;
    const settle = (finish: () => void) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(deadline);
      finish();
    };
    const fail = (error: CredentialHelperError) =>
      settle(() => {
        letGo(child, work.endMs);
        reject(error);
      });
    const answer = (content: unknown) =>
      settle(() => {
        if (key === undefined) letGo(child, work.endMs);
        else keepChild(key, { child, output, release }, () => letGo(child, work.endMs));
        resolve(content as Answer);
      });
    const startDeadline = (ms: number) => {
      clearTimeout(deadline);
      if (isDone) return;
      const expire = () => {
        if (isDone) return;
        lateError = phase === 'using the library' ? late(work) : startedSlowly(what, limitMs);
        const kill = () => {
          child.kill('SIGKILL');
          if (lateError !== undefined) fail(lateError);
        };
        if (finishMs === 0) kill();
        else {
          child.kill('SIGTERM');
          setTimeout(kill, finishMs).unref();
        }
      };
      // Messages that arrived while the event loop was blocked are read first.
      deadline = setTimeout(() => setImmediate(expire), ms);
      deadline.unref();
    };
    startDeadline(limitMs - waitedMs);

    const send = () => {
      const leftMs = Math.max(1, Math.round(limitMs - (monotonicMs() - begin)));
      const content = {
        request: work.request,
        limitMs: leftMs + finishMs,
        isKept: key !== undefined,
      };
      // If the child exits at once, `close` reports it; the channel has nothing to add.
      child.send(pack({ kind: 'request', content }), () => {});
    };
    const handlers: Handlers = {
      ready({ version }) {
        phase = 'ready';
        if (version === VERSION) send();
        else {
          child.kill('SIGKILL');
          fail(ofAnotherVersion(version));
        }
      },
      usesLibrary() {
        phase = 'using the library';
      },
      isAsking(isAsking) {
        work.onAsking?.(isAsking);
        if (isAsking) clearTimeout(deadline);
        else startDeadline(limitMs);
      },
      ...work.onReport,
      answer,
      error: (error) => fail(unpackError(error)),
    };
    const onMessage = (value: unknown) => {
      try {
        const message = unpack<FromChild>(value);
        if (message === undefined) return;
        (handlers[message.kind] as ((content: unknown) => void) | undefined)?.(message.content);
      } catch {
        // Messages of a child must not harm this process.
      }
    };
    const onError = (cause: Error) => fail(startFailure(what, node, cause));
    const reportPrinted = () => {
      const text = output.text();
      if (text !== '' && phase === 'using the library') work.onPrinted?.(text);
      return text;
    };
    const askAnother = (key: string, how: string) =>
      settle(() => {
        if (phase === 'using the library' && isCrash(how)) neverKeep(key);
        resolve(askChild({ ...work, waitedMs: monotonicMs() - begin }));
      });
    const onClose = (code: number | null, signal: NodeJS.Signals | null) => {
      const text = reportPrinted();
      const how = signal ?? `exit status ${code}`;
      if (lateError !== undefined) fail(lateError);
      // Its own alarm expired first.
      else if (signal === 'SIGALRM') fail(late(work));
      else if (phase === 'starting') fail(endedEarly(what, how, text));
      else if (kept !== undefined && key !== undefined) askAnother(key, how);
      else fail(ended(work, how, phase === 'using the library'));
    };
    const listeners = [
      ['message', onMessage],
      ['error', onError],
      ['close', onClose],
    ] as const;
    for (const [event, listener] of listeners) child.on(event, listener);
    const release = () => {
      reportPrinted();
      for (const [event, listener] of listeners) child.off(event, listener);
    };
    if (kept !== undefined) send();
  });
}

function start(node: string, program: string, work: ChildWork, what: string): ChildProcess {
  const [stdin = 'ignore', ...beyond] = work.inherited ?? [];
  const stdio: StdioOptions = [stdin, 'pipe', 'pipe', ...beyond, 'ipc'];
  // Loaded here: not needed without a key in a token. Not "fork": Deno's changes the arguments.
  const { spawn } = process.getBuiltinModule('node:child_process');
  let child: ChildProcess;
  try {
    child = spawn(node, [...inheritedFlags(), program], {
      env: childEnvironment(),
      cwd: childFolder(),
      stdio,
      detached: work.hasTerminal !== true,
    });
  } catch (cause) {
    throw startFailure(what, node, cause);
  }
  // In Deno, a child that was not started cannot be unreferenced.
  if (child.pid !== undefined) child.unref();
  unrefPipes(child);
  return child;
}

function unrefPipes({ channel, stdout, stderr }: ChildProcess): void {
  for (const pipe of [channel, stdout, stderr]) {
    (pipe as { unref?: () => void } | null | undefined)?.unref?.();
  }
}

/** Waits for a child to exit after its response; one that hangs is killed. */
function letGo(child: ChildProcess, endMs: number): void {
  if (endMs === 0) {
    child.kill('SIGKILL');
    return;
  }
  const kill = setTimeout(() => child.kill('SIGKILL'), endMs);
  kill.unref();
  child.once('exit', () => clearTimeout(kill));
}

/** Keeps the end of the output of a child, after secrets are removed: a part of a secret would not be recognized. */
function collectOutput({ stdout, stderr }: ChildProcess): ChildOutput {
  const unchanged = (text: string) => text;
  let redact = unchanged;
  let redactBefore = unchanged;
  let text = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = redact(redactBefore(text + chunk)).slice(-MAX_PRINTED_CHARACTERS);
    });
  }
  return {
    begin(given = unchanged) {
      // Output of the task before may still come.
      redactBefore = redact;
      redact = given;
      text = '';
    },
    text: () => text.trim(),
  };
}

const PRELOADED = 'a program that Node.js preloads (NODE_OPTIONS, --require, --import)';

function startedSlowly(what: string, limitMs: number): CredentialHelperError {
  return new CredentialHelperError(
    `the child process that is to ${what} was not ready within ${limitMs} ms; it was killed`,
    {
      code: 'ERR_TOKEN_TIMEOUT',
      hint: `is this system busy, or ${PRELOADED} slow? ${optionName('timeoutMs')} sets the limit`,
    },
  );
}

function late({ library, limitMs, limitHint }: ChildWork): CredentialHelperError {
  return new CredentialHelperError(
    `${library} did not respond within ${limitMs} ms; its process was killed`,
    { code: 'ERR_TOKEN_TIMEOUT', hint: limitHint },
  );
}

function ofAnotherVersion(version: string): CredentialHelperError {
  return new CredentialHelperError(
    `the program of the child process is of version ${version} of this package, and this process runs ${VERSION}`,
    {
      code: 'ERR_CHILD_PROGRAM',
      hint: 'was the package replaced while this process was running? Restart it',
    },
  );
}

/** Exit of Node.js if it cannot start a thread or allocate memory, and of processes killed for lack of memory. */
const WITHOUT_RESOURCES: readonly string[] = ['SIGABRT', 'SIGKILL'];

/** Exit of a process that was killed from outside, or ended by a preloaded program. */
const FROM_OUTSIDE: readonly string[] = [
  ...['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGXCPU'],
  'exit status 0',
];

function endedEarly(what: string, how: string, printed: string): CredentialHelperError {
  if (['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGXCPU'].includes(how)) {
    return new CredentialHelperError(
      `the child process that is to ${what} was killed before it was ready (${how})`,
      { code: 'ERR_TOKEN_CRASHED', hint: 'the service manager or this user killed it' },
    );
  }
  const cause = new Error(printed === '' ? 'it printed nothing' : printed);
  return new CredentialHelperError(
    `the child process that is to ${what} ended before it was ready (${how})`,
    WITHOUT_RESOURCES.includes(how)
      ? {
          code: 'ERR_OUT_OF_RESOURCES',
          hint: 'the system seems to be out of memory or threads (ulimit -u; memory and pids.max of a container); see its output in "cause"',
          cause,
        }
      : {
          code: 'ERR_CHILD_PROGRAM',
          hint: `Node.js or ${PRELOADED} ended it; see its output in "cause"`,
          cause,
        },
  );
}

/** Whether the library crashed, if it was in use. */
function isCrash(how: string): boolean {
  return !FROM_OUTSIDE.includes(how);
}

function ended(
  { library, crashHint }: ChildWork,
  how: string,
  usedIt: boolean,
): CredentialHelperError {
  return new CredentialHelperError(
    usedIt
      ? `the process that had loaded ${library} ended before it answered (${how})`
      : `the process that was to load ${library} ended before loading it (${how})`,
    {
      code: 'ERR_TOKEN_CRASHED',
      hint:
        usedIt && isCrash(how)
          ? `the library crashed: update it; ${crashHint}`
          : `it was killed by this system (is it out of memory?), by the service manager, or by ${PRELOADED}`,
    },
  );
}
