import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { CredentialHelperError } from '../errors.ts';
import { Secret } from '../identity/secret.ts';
import { whileAsking } from './worker.ts';

const TERMINAL = '/dev/tty';

/**
 * Prompts for a secret on the terminal, without echo. stdin and stdout are not used: they may be pipes.
 *
 * @param otherwise - the hint of the error if there is no terminal
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
 * Prompts for a new secret on the terminal, twice.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TERMINAL_REQUIRED`, `ERR_INVALID_OPTION` if the two
 * differ
 */
export async function askNewSecret(what: string, otherwise: string): Promise<Secret> {
  const first = await askSecret(`${what}: `, otherwise);
  const second = await askSecret(`${what}, again: `, otherwise);
  if (first.reveal() === second.reveal()) return first;
  throw new CredentialHelperError('the two entries do not match', { code: 'ERR_INVALID_OPTION' });
}

/**
 * Asks for confirmation on the terminal; only `yes` confirms.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TERMINAL_REQUIRED`
 */
export async function confirm(question: string, otherwise: string): Promise<boolean> {
  return (await readLine(`${question} Type yes to continue: `, otherwise, false)).trim() === 'yes';
}

async function readLine(question: string, otherwise: string, hidden: boolean): Promise<string> {
  let file: number;
  try {
    file = openSync(TERMINAL, 'r+');
  } catch (cause) {
    throw new CredentialHelperError(
      `there is no terminal for the prompt (${question.replace(/: $/, '')})`,
      { code: 'ERR_TERMINAL_REQUIRED', cause, hint: otherwise },
    );
  }
  // The stream closes its file, but a newline must still follow the prompt.
  const output = openSync(TERMINAL, 'w');
  const terminal = new ReadStream(file);
  // Created first, so that input typed early is not echoed: it sets raw mode if the input is hidden, and otherwise
  // leaves echo and editing to the terminal.
  const lines = createInterface({
    input: terminal,
    output: new Writable({ write: (_chunk, _encoding, done) => done() }),
    terminal: hidden,
    historySize: 0,
  });
  try {
    writeSync(output, question);
    return await whileAsking(() => typedLine(lines, terminal));
  } finally {
    lines.close();
    if (hidden) writeSync(output, '\n');
    terminal.destroy();
    closeSync(output);
  }
}

function typedLine(lines: Interface, terminal: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    terminal.once('error', reject);
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
    lines.once('SIGINT', () =>
      reject(new CredentialHelperError('interrupted', { code: 'ERR_TERMINAL_REQUIRED' })),
    );
  });
}
