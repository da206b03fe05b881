import { writeSync } from 'node:fs';
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
  writeNow(stream, Buffer.from(text));
};

/** Writes text to a stream of this process. */
export function writeTo(stream: 'stdout' | 'stderr', text: string): void {
  write(stream, text);
}

/** Sends all output elsewhere. */
export function redirectOutput(to: Write): void {
  write = to;
}

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/** The streams that write what could not be written at once. */
const streams: Partial<Record<keyof typeof DESCRIPTORS, NodeJS.WriteStream>> = {};

/** Whether stdout could not be written: then the rest of the output would not make sense. A log may be writable again. */
let isCut = false;

/** Writes without `process.stdout`, whose code takes longer to load than most commands run. */
function writeNow(name: keyof typeof DESCRIPTORS, bytes: Uint8Array): void {
  if (name === 'stdout' && isCut) return;
  let written = 0;
  try {
    while (streams[name] === undefined && written < bytes.length) {
      written += writeSync(DESCRIPTORS[name], bytes, written);
    }
  } catch (error) {
    // Another process has made a pipe non-blocking, and its reader is slow.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      reportUnwritten(name, error as NodeJS.ErrnoException);
      return;
    }
    streams[name] = process[name].on('error', (late) => reportUnwritten(name, late));
  }
  streams[name]?.write(bytes.subarray(written));
}

/**
 * A command finishes with its own status if the reader of its output has closed the pipe (`EPIPE`); other errors make it
 * fail.
 */
function reportUnwritten(name: string, { code, message }: NodeJS.ErrnoException): void {
  // There is nowhere to report what stderr does not take.
  if (name === 'stderr' || isCut) return;
  isCut = true;
  if (code === 'EPIPE') return;
  process.once('exit', () => {
    process.exitCode = 1;
  });
  printLine('error', `cannot write to stdout: ${message}`);
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

/** An error, as it is reported. */
export interface Reported {
  readonly message: string;
  readonly code?: string | undefined;
  /** What to do. */
  readonly hint?: string | undefined;
}

/**
 * Writes an error to stderr, and with `--json` also to stdout, so that programs always find one JSON document there.
 */
export function printError({ message, code, hint }: Reported, asJson: boolean): void {
  printLine('error', message);
  if (hint !== undefined) printLine('hint', hint);
  if (asJson) printResult({ lines: [], json: { error: { code, message, hint } } }, true);
}
