import { closeSync, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { CredentialHelperError } from '../errors.ts';
import { Secret } from '../identity/secret.ts';
import { whileAsking } from './worker.ts';

const TERMINAL = '/dev/tty';

const CONTROL_C = 0x03;
const CONTROL_D = 0x04;
const CONTROL_U = 0x15;
const BACKSPACE: readonly number[] = [0x08, 0x7f];
const LINE_ENDS: readonly number[] = [0x0a, 0x0d];
const RAW_ENDS: readonly number[] = [...LINE_ENDS, CONTROL_C, CONTROL_D];

/**
 * Asks for a secret on the terminal, without showing what is typed. stdin and stdout are not used: they may be pipes.
 *
 * @param otherwise - what to do where there is no terminal, for the error's hint
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TERMINAL_REQUIRED`
 */
export async function askSecret(question: string, otherwise: string): Promise<Secret> {
  const line = await readLine(question, otherwise, true);
  if (line.length > 0) return new Secret(line);
  throw new CredentialHelperError('no PIN or passphrase was entered', {
    code: 'ERR_TERMINAL_REQUIRED',
    hint: otherwise,
  });
}

/**
 * Asks for a new secret on the terminal, twice.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TERMINAL_REQUIRED`, `ERR_INVALID_OPTION` where the two
 * differ
 */
export async function askNewSecret(what: string, otherwise: string): Promise<Secret> {
  const first = await askSecret(`${what}: `, otherwise);
  const second = await askSecret(`${what}, again: `, otherwise);
  if (first.reveal() === second.reveal()) return first;
  throw new CredentialHelperError('the two entries do not match', { code: 'ERR_INVALID_OPTION' });
}

/**
 * Asks a question on the terminal that only `yes` agrees to.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TERMINAL_REQUIRED`
 */
export async function confirm(question: string, otherwise: string): Promise<boolean> {
  return (await readLine(`${question} Type yes to go on: `, otherwise, false)).trim() === 'yes';
}

async function readLine(question: string, otherwise: string, hidden: boolean): Promise<string> {
  let file: number;
  try {
    file = openSync(TERMINAL, 'r+');
  } catch (cause) {
    throw new CredentialHelperError(
      `there is no terminal to ask on (${question.replace(/: $/, '')})`,
      { code: 'ERR_TERMINAL_REQUIRED', cause, hint: otherwise },
    );
  }
  // The stream closes its file, and the question must still be followed by a line's end then.
  const output = openSync(TERMINAL, 'w');
  const terminal = new ReadStream(file);
  try {
    // First, so that nothing that is typed early is shown.
    if (hidden) terminal.setRawMode(true);
    writeSync(output, question);
    return await whileAsking(() => typedLine(terminal, hidden));
  } finally {
    if (hidden) {
      terminal.setRawMode(false);
      writeSync(output, '\n');
    }
    terminal.destroy();
    closeSync(output);
  }
}

function typedLine(terminal: ReadStream, raw: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: number[] = [];
    const finish = () => resolve(Buffer.from(typed).toString('utf8'));
    terminal.once('error', reject).once('end', finish);
    terminal.on('data', (chunk: Buffer) => {
      const end = chunk.findIndex((byte) => (raw ? RAW_ENDS : LINE_ENDS).includes(byte));
      const line = end === -1 ? chunk : chunk.subarray(0, end);
      typed = raw ? line.reduce(edited, typed) : [...typed, ...line];
      if (chunk[end] === CONTROL_C) reject(interrupted());
      else if (end !== -1) finish();
    });
  });
}

// In raw mode the terminal neither shows nor edits: the usual keys are served here.
function edited(typed: number[], byte: number): number[] {
  if (byte === CONTROL_U) return [];
  return BACKSPACE.includes(byte) ? withoutLastCharacter(typed) : [...typed, byte];
}

function withoutLastCharacter(bytes: readonly number[]): number[] {
  return [...Buffer.from(Array.from(Buffer.from(bytes).toString('utf8')).slice(0, -1).join(''))];
}

function interrupted(): CredentialHelperError {
  return new CredentialHelperError('interrupted', { code: 'ERR_TERMINAL_REQUIRED' });
}
