import { existsSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { isObject } from '../json.ts';
import { hideVariable } from '../process/program.ts';
import { within } from '../process/within.ts';
import { isUrl, type Path, pathOf } from './named-path.ts';
import { isPipeOrSocket, Pipe, readFile } from './read-file.ts';
import type { Secret } from './secret.ts';
import { runCommand, type SecretCommand } from './secret-command.ts';
import { checkSecret, SecretFile, secretOf, type Warn } from './secret-file.ts';

/**
 * The source of a PIN or passphrase:
 *
 * - a string: the secret itself;
 * - `{ file }`: a file, read again each time it is needed, or a pipe, read once;
 * - `{ environmentVariable }`: an environment variable, which child processes of this package do not inherit from then
 * on;
 * - `{ systemdCredential }`: a systemd credential, by its name (systemd.exec(5), `LoadCredential=`);
 * - `{ fileDescriptor }`: an open file descriptor, read once;
 * - `{ command }`: a command that prints the secret, run each time it is needed: an array of a program and its arguments, or
 * a string for the shell. It gets no stdin and no terminal, and is killed at the timeout of the request;
 * - a function that returns the secret, called each time it is needed.
 *
 * A file, a pipe or the output of a command holds the secret in UTF-8, optionally followed by one newline. A secret with more lines, a byte
 * order mark, or trailing whitespace is rejected before it is used.
 */
export type SecretSource = string | SecretPlace | (() => string | Promise<string>);

/** A source of a secret outside of the program. */
export type SecretPlace =
  | { readonly file: string | URL }
  | { readonly environmentVariable: string }
  | { readonly systemdCredential: string }
  | { readonly fileDescriptor: number }
  | { readonly command: string | readonly string[] };

/** A validated source of a secret. */
export interface SecretReader<S> {
  /**
   * Reads the secret now.
   *
   * @param limitMs - timeout in milliseconds
   * @throws {@link CredentialHelperError} (as a rejection) `ERR_SECRET_SOURCE`, `ERR_FILE_UNREADABLE`,
   * `ERR_INVALID_OPTION`
   */
  read(limitMs: number): Promise<S>;
  /** Same as `read`, but synchronous, if reading has no side effects. */
  readonly readNow: (() => S) | undefined;
  /** The file that holds the secret. */
  readonly file?: string | undefined;
  /** The environment variable that holds the secret. */
  readonly environmentVariable?: string | undefined;
  /** The kind of its source, for the log. */
  readonly origin: string;
  /** Whether it comes from a function or a command, which may return another secret each time. */
  readonly isAsked?: true;
}

/** The secret, and the option that names its source. */
interface Named {
  readonly kind: 'PIN' | 'passphrase';
  /** The name of the option, for messages. */
  readonly option: string;
  /** Called for a file that other users can read. */
  readonly warn: Warn;
}

/**
 * Validates the source of a secret, and reads it once if reading has no side effects, so that a missing file is
 * detected at once.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export function openSecretPlace(source: unknown, named: Named): SecretReader<Secret> {
  const [[name, value] = [], ...more] = isObject(source) ? Object.entries(source) : [];
  const place = PLACES.find((known) => known === name);
  if (place === undefined || more.length > 0) {
    const nothing = named.kind === 'PIN' ? 'null, ' : '';
    throw invalidSecretSource(
      named.option,
      `must be text, ${nothing}a function, or an object with one of ${PLACES.join(', ')}`,
    );
  }
  const option = `${named.option}.${place}`;
  if (place === 'fileDescriptor') return descriptorReader(checkDescriptor(value, option), named);
  if (place === 'command') return commandReader(checkCommand(value, option), { ...named, option });
  if (place === 'file' && isUrl(value)) return fileReader(value, { ...named, option });
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw invalidSecretSource(option, 'must be text');
  }
  if (place === 'environmentVariable') {
    readVariable(value, named);
    hideVariable(value);
    return {
      ...immediate(() => readVariable(value, named), 'from an environment variable'),
      environmentVariable: value,
    };
  }
  return place === 'file'
    ? fileReader(value, { ...named, option })
    : credentialReader(value, { ...named, option });
}

/** The members of the objects that are a source of a secret. */
export const PLACES = [
  'file',
  'environmentVariable',
  'systemdCredential',
  'fileDescriptor',
  'command',
] as const;

/** The largest accepted file descriptor: a larger number is more likely a misplaced PIN. */
export const MAX_FD = 999;

/** The kind of source that is the secret itself. */
export const PASSED = 'passed as text';

/** Reads a source that is available at once. */
export function immediate<S>(readNow: () => S, origin: string): SecretReader<S> {
  return { read: async () => readNow(), readNow, origin };
}

function later<S>(read: SecretReader<S>['read'], origin: string): SecretReader<S> {
  return { read, readNow: undefined, origin };
}

/**
 * Calls a function of the application for a secret.
 *
 * @param check - validates its result; also gets the name of the result in messages
 */
export function askingFunction<S>(
  source: () => unknown,
  { kind, option }: Pick<Named, 'kind' | 'option'>,
  check: (value: unknown, name: string) => S,
): SecretReader<S> {
  const what = `the function given as "${option}"`;
  const failed = (message: string, cause?: unknown) =>
    new CredentialHelperError(message, {
      code: 'ERR_SECRET_SOURCE',
      cause,
      hint: `${kind === 'PIN' ? 'no login was tried; ' : ''}check the function, and "cause" if set`,
    });
  const ask = async (limitMs: number) => {
    const answer = (async () => source())().catch((cause: unknown) => {
      throw failed(`${what} failed`, cause);
    });
    const late = () => failed(`${what} did not return a ${kind} within ${limitMs} ms`);
    return check(await within(answer, limitMs, late), `the result of ${what}`);
  };
  return { ...later(ask, 'from a function'), isAsked: true };
}

function checkDescriptor(value: unknown, option: string): number {
  const fd = value as number;
  if (Number.isSafeInteger(value) && fd >= 0 && fd <= MAX_FD) return fd;
  throw invalidSecretSource(option, `must be a whole number from 0 to ${MAX_FD}`);
}

function checkCommand(value: unknown, option: string): SecretCommand {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isValid = parts.every((part) => typeof part === 'string' && !part.includes('\0'));
  if (isValid && String(parts[0] ?? '').trim() !== '') return value as SecretCommand;
  throw invalidSecretSource(
    option,
    'must be an array of a program and its arguments, or a string for the shell',
  );
}

function commandReader(command: SecretCommand, { option }: Named): SecretReader<Secret> {
  // The command itself is not shown: it may contain a secret.
  const what = `the command given as "${option}"`;
  const read = async (limitMs: number) =>
    secretOf(await runCommand(command, what, limitMs), `the output of ${what}`);
  return { ...later(read, 'from a command'), isAsked: true };
}

function fileReader(given: Path, { kind, option, warn }: Named): SecretReader<Secret> {
  const path = pathOf(given, option);
  return secretFileReader(new SecretFile(path, `the ${kind} file "${path}"`, warn), 'from a file');
}

function secretFileReader(file: SecretFile, origin: string): SecretReader<Secret> {
  file.check();
  const { readNow, path } = file;
  return { read: (limitMs) => file.read(limitMs), readNow, file: path, origin };
}

/** A file descriptor can be read once. */
function descriptorReader(fd: number, { kind }: Named): SecretReader<Secret> {
  const what = `the ${kind} from file descriptor ${fd}`;
  const pipe = new Pipe(`/dev/fd/${fd}`, what);
  let content: Promise<Buffer> | undefined;
  const readOnce = async (limitMs: number) =>
    isOpenPipe(fd) ? pipe.read(limitMs) : readFile(fd, what);
  return later(async (limitMs) => {
    content ??= readOnce(limitMs).catch((error: unknown) => {
      content = undefined;
      throw error;
    });
    return secretOf(await content, what);
  }, 'from a file descriptor');
}

function isOpenPipe(fd: number): boolean {
  try {
    return isPipeOrSocket(fstatSync(fd));
  } catch {
    return false;
  }
}

function readVariable(name: string, { kind, option }: Named): Secret {
  // biome-ignore lint/style/noProcessEnv: the user named this variable as the source of the secret
  const value = process.env[name];
  if (value !== undefined) {
    return checkSecret(value, `the ${kind} in the environment variable ${name}`);
  }
  throw new CredentialHelperError(
    `the environment variable that "${option}" names is not set: a name of ${name.length} characters`,
    { code: 'ERR_INVALID_OPTION', hint: notShown(kind) },
  );
}

function notShown(kind: Named['kind']): string {
  return `pass the name of the place that holds the ${kind}; the name is not shown, as it may be the ${kind} itself`;
}

/** systemd gives access to its credentials only to the user of the unit, so their mode is not checked. */
function credentialReader(name: string, { kind, option }: Named): SecretReader<Secret> {
  if (name.includes('/') || name.startsWith('.')) {
    throw invalidSecretSource(option, 'is the name of a credential, not a path');
  }
  // biome-ignore lint/style/noProcessEnv: systemd.exec(5) passes the folder of credentials this way
  const folder = process.env.CREDENTIALS_DIRECTORY;
  if (folder === undefined) {
    throw new CredentialHelperError(
      `"${option}" names a systemd credential, and this process has none`,
      {
        code: 'ERR_INVALID_OPTION',
        hint: 'add LoadCredential=NAME:PATH to the unit, and start the unit with systemd',
      },
    );
  }
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new CredentialHelperError(
      `this process has no systemd credential of the name that "${option}" names: a name of ${name.length} characters`,
      { code: 'ERR_FILE_UNREADABLE', hint: notShown(kind) },
    );
  }
  const file = new SecretFile(path, `the ${kind} in the systemd credential "${name}"`);
  return secretFileReader(file, 'from a systemd credential');
}

/** The error for an invalid source of a secret. */
export function invalidSecretSource(name: string, problem: string): CredentialHelperError {
  return new CredentialHelperError(`"${name}" ${problem}`, { code: 'ERR_INVALID_OPTION' });
}
