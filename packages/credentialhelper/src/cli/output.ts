import { isCredentialHelperError } from '../errors.ts';
import { visible, visibleJson } from '../text.ts';

/** What the command is called, also before each line on stderr. */
export const PROGRAM = 'awsiot-credentialhelper';

/** What a command has to say: the result alone goes to stdout. */
export interface Result {
  /** For people. */
  readonly lines: readonly string[];
  /** For programs (`--json`): one JSON document. */
  readonly json: unknown;
  /** Exit status: 0 where it went well, which is the default, else 1. */
  readonly status?: 0 | 1;
}

/** Where output goes; a worker sends it to the process that started it. */
type Write = (stream: 'stdout' | 'stderr', text: string) => void;

let write: Write = (stream, text) => process[stream].write(text);

/** Sends all output elsewhere. */
export function redirectOutput(to: Write): void {
  write = to;
}

/**
 * Lets a command finish, and with its own status, where nobody reads its output any more; output that cannot be written
 * for another reason makes it fail.
 */
export function watchOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.once('exit', () => {
      process.exitCode = 1;
    });
    printLine('error', `cannot write to stdout: ${message}`);
  });
  // There is nowhere to tell it.
  process.stderr.on('error', () => {});
}

/** Writes a result to stdout. */
export function printResult({ lines, json }: Result, asJson: boolean): void {
  const text = asJson ? visibleJson(JSON.stringify(json, null, 2)) : lines.map(visible).join('\n');
  write('stdout', `${text}\n`);
}

/** Writes a line to stderr, marked as what it is. */
export function printLine(kind: 'error' | 'hint' | 'warning', text: string): void {
  write('stderr', `${PROGRAM}: ${kind}: ${visible(text)}\n`);
}

/**
 * Writes an error to stderr, and with `--json` also to stdout, where a program looks for one JSON document either way.
 */
export function printError(error: unknown, asJson: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  const { code, hint = undefined } = isCredentialHelperError(error) ? error : {};
  printLine('error', message);
  if (hint !== undefined) printLine('hint', hint);
  if (asJson) printResult({ lines: [], json: { error: { code, message, hint } } }, true);
}
