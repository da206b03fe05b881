import type { ChildProcess, StdioOptions } from 'node:child_process';
import { CredentialHelperError } from '../errors.ts';
import { optionName } from '../option-names.ts';
import { VERSION } from '../version.ts';
import { type FromChild, pack, type Told, unpack, unpackError } from './messages.ts';
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

/** A piece of work for a child process that loads a PKCS#11 library. */
export interface ChildWork {
  /** Gives the program of the child, which calls `answerParent`. */
  readonly program: () => URL;
  /** What to start instead. */
  readonly options?: ChildOptions | undefined;
  /** What it is asked; it goes over the channel between the processes. */
  readonly request: unknown;
  /** How messages call the library that it loads. */
  readonly library: string;
  /** How long it may take to start and to answer, in milliseconds; then it is killed. */
  readonly limitMs: number;
  /** How much of that is over already, in milliseconds. Default 0. */
  readonly waitedMs?: number | undefined;
  /** What to do where that was not enough. */
  readonly limitHint: string;
  /** What to do where the library crashes, besides looking for a newer one. */
  readonly crashHint: string;
  /**
   * How long it may take after its limit to finish or take back what it does, in milliseconds. Default 0: it is killed at
   * its limit.
   */
  readonly finishMs?: number | undefined;
  /** How long it may take to end once it has answered, in milliseconds; then it is killed. 0: it is killed at once. */
  readonly endMs: number;
  /** An environment variable that the child must not see, because the PIN is in it. */
  readonly hidden?: string | undefined;
  /** Whether it has the terminal of this process. Default: it has none, so that nothing in it can ask for a PIN there. */
  readonly hasTerminal?: boolean | undefined;
  /** What it inherits as stdin and beyond stderr. Default: nothing. */
  readonly inherited?: readonly (number | 'ignore' | 'inherit')[] | undefined;
  /** Called with what the child tells besides its answer. Default: nobody. */
  readonly onTold?: { readonly [Kind in keyof Told]?: (content: Told[Kind]) => void } | undefined;
  /** Told what the library printed. Default: nobody. */
  readonly onPrinted?: ((text: string) => void) | undefined;
  /** Takes secrets out of what the library printed. Default: it is as it was printed. */
  readonly redact?: ((text: string) => string) | undefined;
  /** Given the child, to send it signals. */
  readonly onStarted?: ((child: ChildProcess) => void) | undefined;
}

/** What to do with each kind of message. */
type Handlers = {
  readonly [Kind in FromChild['kind']]?: (
    content: Extract<FromChild, { readonly kind: Kind }>['content'],
  ) => void;
};

const MAX_PRINTED_CHARACTERS = 4096;

/**
 * Has a piece of work done in a child process of its own, which ends afterwards. A library that crashes, hangs or prints
 * does so there. The child does not keep this process running: who waits does.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_CHILD_PROGRAM`, `ERR_OUT_OF_RESOURCES`, `ERR_TOKEN_TIMEOUT`,
 * `ERR_TOKEN_CRASHED`, and all that the child's work throws
 */
export async function askChild<Answer>(work: ChildWork): Promise<Answer> {
  const { library, limitMs, waitedMs = 0, finishMs = 0 } = work;
  const what = `load ${library}`;
  const node = findNode(work.options ?? {});
  const child = start(node, findProgram(work.options ?? {}, work.program), work, what);
  work.onStarted?.(child);
  const printed = collectOutput(child, work.redact);
  let phase = 'starting' as 'starting' | 'ready' | 'using the library';

  return new Promise((resolve, reject) => {
    let deadline: NodeJS.Timeout;
    let lateError: CredentialHelperError | undefined;
    let isDone = false;
    const settle = (finish: () => void) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(deadline);
      letGo(child, work.endMs);
      finish();
    };
    const fail = (error: CredentialHelperError) => settle(() => reject(error));
    const begin = monotonicMs() - waitedMs;
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
      // What has come while the event loop was held up is read first.
      deadline = setTimeout(() => setImmediate(expire), ms);
      deadline.unref();
    };
    startDeadline(limitMs - waitedMs);

    const send = () => {
      const leftMs = Math.max(1, Math.round(limitMs - (monotonicMs() - begin)));
      const content = { request: work.request, limitMs: leftMs + finishMs };
      // Where the child ends at once, `close` tells; the channel has nothing to add.
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
        if (isAsking) clearTimeout(deadline);
        else startDeadline(limitMs);
      },
      ...work.onTold,
      answer: (answer) => settle(() => resolve(answer as Answer)),
      error: (error) => fail(unpackError(error)),
    };
    child.on('message', (value) => {
      try {
        const message = unpack<FromChild>(value);
        if (message === undefined) return;
        (handlers[message.kind] as ((content: unknown) => void) | undefined)?.(message.content);
      } catch {
        // Nothing that a child sends harms this process.
      }
    });
    child.on('error', (cause) => fail(startFailure(what, node, cause)));
    child.on('close', (code, signal) => {
      const text = printed();
      if (text !== '' && phase === 'using the library') work.onPrinted?.(text);
      const how = signal ?? `exit status ${code}`;
      if (lateError !== undefined) fail(lateError);
      // Its own alarm clock was first.
      else if (signal === 'SIGALRM') fail(late(work));
      else if (phase === 'starting') fail(endedEarly(what, how, text));
      else fail(ended(work, how, phase === 'using the library'));
    });
  });
}

function start(node: string, program: string, work: ChildWork, what: string): ChildProcess {
  const [stdin = 'ignore', ...beyond] = work.inherited ?? [];
  const stdio: StdioOptions = [stdin, 'pipe', 'pipe', ...beyond, 'ipc'];
  // Loaded here: a process without a key in a token does without. Not "fork": Deno's changes the arguments.
  const { spawn } = process.getBuiltinModule('node:child_process');
  let child: ChildProcess;
  try {
    child = spawn(node, [...inheritedFlags(), program], {
      env: childEnvironment(work.hidden),
      cwd: childFolder(),
      stdio,
      detached: work.hasTerminal !== true,
    });
  } catch (cause) {
    throw startFailure(what, node, cause);
  }
  // Of a child that was not started, Deno has nothing to let go of.
  if (child.pid !== undefined) child.unref();
  unrefPipes(child);
  return child;
}

function unrefPipes({ channel, stdout, stderr }: ChildProcess): void {
  for (const pipe of [channel, stdout, stderr]) {
    (pipe as { unref?: () => void } | null | undefined)?.unref?.();
  }
}

/** Lets a child that has answered end by itself; one that hangs is killed. */
function letGo(child: ChildProcess, endMs: number): void {
  if (endMs === 0) {
    child.kill('SIGKILL');
    return;
  }
  const kill = setTimeout(() => child.kill('SIGKILL'), endMs);
  kill.unref();
  child.once('exit', () => clearTimeout(kill));
}

/** Keeps the last part of what a child prints, after secrets were taken out: a part of one is none that is recognized. */
function collectOutput(
  child: ChildProcess,
  redact: (text: string) => string = (text) => text,
): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = redact(text + chunk).slice(-MAX_PRINTED_CHARACTERS);
    });
  }
  return () => text.trim();
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

/** How Node.js ends where it can start no thread or gets no memory, and how a system ends it that is out of memory. */
const WITHOUT_RESOURCES: readonly string[] = ['SIGABRT', 'SIGKILL'];

/** How a process ends that somebody else ends, or that a preloaded program has ended. */
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

function ended(
  { library, crashHint }: ChildWork,
  how: string,
  usedIt: boolean,
): CredentialHelperError {
  const isCrash = usedIt && !FROM_OUTSIDE.includes(how);
  return new CredentialHelperError(
    usedIt
      ? `the process that had loaded ${library} ended before it answered (${how})`
      : `the process that was to load ${library} ended before loading it (${how})`,
    {
      code: 'ERR_TOKEN_CRASHED',
      hint: isCrash
        ? `the library crashed: update it; ${crashHint}`
        : `it was killed by this system (is it out of memory?), by the service manager, or by ${PRELOADED}`,
    },
  );
}
