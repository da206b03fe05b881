import { isCredentialHelperError } from '../errors.ts';
import { visible, visibleJson } from '../text.ts';
import { clearWaiting } from './waiting.ts';

/** The name of the command, also the prefix of each line on stderr. */
export const PROGRAM = 'awsiot-credentialhelper';

/** The result of a command; only this goes to stdout. */
export interface Result {
  /** Text for terminals. */
  readonly lines: readonly string[];
  /** One JSON document (`--json`). */
  readonly json: unknown;
  /** Exit status: 0 (default) for success, 1 for failure. */
  readonly status?: 0 | 1;
}

/** Where output goes; a worker sends it to the process that started it. */
type Write = (stream: 'stdout' | 'stderr', text: string) => void;

let write: Write = (stream, text) => {
  clearWaiting();
  process[stream].write(text);
};

/** Writes text to a stream of this process. */
export function writeTo(stream: 'stdout' | 'stderr', text: string): void {
  write(stream, text);
}

/** Sends all output elsewhere. */
export function redirectOutput(to: Write): void {
  write = to;
}

/**
 * Ignores `EPIPE`, so that a command finishes with its own status if its reader has closed the pipe; other write
 * errors make it fail.
 */
export function watchOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.once('exit', () => {
      process.exitCode = 1;
    });
    printLine('error', `cannot write to stdout: ${message}`);
  });
  // There is nowhere to report it.
  process.stderr.on('error', () => {});
}

/** Writes a result to stdout. */
export function printResult({ lines, json }: Result, asJson: boolean): void {
  const text = asJson ? visibleJson(JSON.stringify(json, null, 2)) : lines.map(visible).join('\n');
  write('stdout', `${text}\n`);
}

/** Writes a JSON document to stdout, on one line. */
export function printJson(json: unknown): void {
  printText(`${visibleJson(JSON.stringify(json))}\n`);
}

/** Writes text to stdout. */
export function printText(text: string): void {
  write('stdout', text);
}

/** Writes a line with its level to stderr. */
export function printLine(kind: 'error' | 'hint' | 'info' | 'warning', text: string): void {
  write('stderr', `${PROGRAM}: ${kind}: ${visible(text)}\n`);
}

/**
 * Writes an error to stderr, and with `--json` also to stdout, so that programs always find one JSON document there.
 */
export function printError(error: unknown, asJson: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  const { code, hint = undefined } = isCredentialHelperError(error) ? error : {};
  printLine('error', message);
  if (hint !== undefined) printLine('hint', hint);
  if (asJson) printResult({ lines: [], json: { error: { code, message, hint } } }, true);
}
