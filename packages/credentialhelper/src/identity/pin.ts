import { existsSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { isObject } from '../json.ts';
import { within } from '../process/within.ts';
import { isUrl, type Path, pathOf, pathOfUrl } from './named-path.ts';
import { isPipeOrSocket, Pipe, readFile } from './read-file.ts';
import type { Secret } from './secret.ts';
import { checkSecret, SecretFile, secretOf, type Warn } from './secret-file.ts';

/**
 * Where the PIN of a token comes from:
 *
 * - a string: the PIN itself;
 * - `null`: the token asks for it on its own PIN pad;
 * - `{ file }`: a file, read again for each login, or a pipe, read once;
 * - `{ environmentVariable }`: an environment variable, which the child process that uses the token does not inherit;
 * - `{ systemdCredential }`: a credential of the systemd unit, by its name (systemd.exec(5), `LoadCredential=`);
 * - `{ fileDescriptor }`: an open file descriptor, read once;
 * - a function that gives the PIN, called for each login.
 *
 * A file or pipe holds the PIN in UTF-8, with one line end or none. A PIN that has more lines, or begins with a byte order
 * mark or ends with a blank, is refused before the token sees it.
 */
export type PinSource =
  | string
  | null
  | { readonly file: string | URL }
  | { readonly environmentVariable: string }
  | { readonly systemdCredential: string }
  | { readonly fileDescriptor: number }
  | (() => string | null | Promise<string | null>);

/** A PIN; `null`: the token has its own PIN pad; `undefined`: no login. */
export type Pin = Secret | null | undefined;

/** A PIN source that has been checked. */
export interface PinReader {
  /**
   * Reads the PIN now.
   *
   * @param limitMs - how long that may take, in milliseconds
   * @throws {@link CredentialHelperError} (as a rejection) `ERR_PIN_SOURCE`, `ERR_FILE_UNREADABLE`, `ERR_INVALID_OPTION`
   */
  read(limitMs: number): Promise<Pin>;
  /** The environment variable that holds the PIN, which no child process may see. */
  readonly environmentVariable: string | undefined;
}

/**
 * Checks a PIN source, and reads it once where that has no effect on anything, so that a missing file is found at once.
 *
 * @param option - the name of the option it came from, for messages
 * @param warn - told of a file that others can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export function openPinSource(
  source: PinSource | undefined,
  option: string,
  warn: Warn,
): PinReader {
  if (source === undefined || source === null) return reader(async () => source);
  if (typeof source === 'string') {
    const pin = checkSecret(source, `"${option}"`);
    return reader(async () => pin);
  }
  if (typeof source === 'function') {
    return reader((limitMs) => askFunction(source, option, limitMs));
  }
  return placeReader(source, option, warn);
}

function reader(read: PinReader['read'], environmentVariable?: string): PinReader {
  return { read, environmentVariable };
}

/**
 * Reads the `pin-source` of a PKCS#11 URI: a path or `file:` URI as RFC 7512 has it, and besides `env:NAME`,
 * `credential:NAME` and `fd:N` for what {@link PinSource} knows.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function parsePinSource(text: string, option: string): PinSource {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case undefined:
      if (text === '' || text.startsWith('|')) break;
      return { file: text };
    case 'file': {
      const file = text.startsWith('file:/') ? pathOfUrl(text) : undefined;
      if (file === undefined) break;
      return { file };
    }
    case 'env':
      return { environmentVariable: rest };
    case 'credential':
      return { systemdCredential: rest };
    case 'fd':
      if (!/^\d{1,3}$/.test(rest)) break;
      return { fileDescriptor: Number(rest) };
    default:
      break;
  }
  throw invalid(option, 'has a pin-source that is no path, file:, env:, credential: or fd:');
}

/** Asks a function of the application for the PIN. */
async function askFunction(
  source: () => unknown,
  option: string,
  limitMs: number,
): Promise<Secret | null> {
  const what = `the function given as "${option}"`;
  const answer = (async () => source())().catch((cause: unknown) => {
    throw noPin(`${what} failed`, cause);
  });
  const late = () => noPin(`${what} did not give a PIN within ${limitMs} ms`);
  const pin = await within(answer, limitMs, late);
  return pin === null ? null : checkSecret(pin, `what ${what} gave`);
}

function noPin(message: string, cause?: unknown): CredentialHelperError {
  return new CredentialHelperError(message, {
    code: 'ERR_PIN_SOURCE',
    cause,
    hint: 'no login was tried; look at the function, and at "cause" where there is one',
  });
}

const PLACES = ['file', 'environmentVariable', 'systemdCredential', 'fileDescriptor'] as const;

function placeReader(source: unknown, option: string, warn: Warn): PinReader {
  const [[name, value] = [], ...more] = isObject(source) ? Object.entries(source) : [];
  const place = PLACES.find((known) => known === name);
  if (place === undefined || more.length > 0) {
    throw invalid(
      option,
      `must be text, null, a function, or an object with one of ${PLACES.join(', ')}`,
    );
  }
  const named = `${option}.${place}`;
  if (place === 'fileDescriptor') {
    if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > MAX_FD) {
      throw invalid(named, `must be a whole number from 0 to ${MAX_FD}`);
    }
    return descriptorReader(value as number);
  }
  if (place === 'file' && isUrl(value)) return fileReader(value, named, warn);
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw invalid(named, 'must be text');
  }
  if (place === 'environmentVariable') {
    readVariable(value, named);
    return reader(async () => readVariable(value, named), value);
  }
  return place === 'file' ? fileReader(value, named, warn) : credentialReader(value, named);
}

/** The largest that a PIN is read from: a larger number is rather a PIN in the wrong place. */
const MAX_FD = 999;

function fileReader(given: Path, option: string, warn: Warn): PinReader {
  const path = pathOf(given, option);
  return secretFileReader(new SecretFile(path, `the PIN file "${path}"`, warn));
}

function secretFileReader(file: SecretFile): PinReader {
  file.check();
  return reader((limitMs) => file.read(limitMs));
}

/** A file descriptor gives what it holds once. */
function descriptorReader(fd: number): PinReader {
  const what = `the PIN from file descriptor ${fd}`;
  const pipe = new Pipe(`/dev/fd/${fd}`, what);
  let content: Promise<Buffer> | undefined;
  const readOnce = async (limitMs: number) =>
    isOpenPipe(fd) ? pipe.read(limitMs) : readFile(fd, what);
  return reader(async (limitMs) => {
    content ??= readOnce(limitMs).catch((error: unknown) => {
      content = undefined;
      throw error;
    });
    return secretOf(await content, what);
  });
}

function isOpenPipe(fd: number): boolean {
  try {
    return isPipeOrSocket(fstatSync(fd));
  } catch {
    return false;
  }
}

function readVariable(name: string, option: string): Secret {
  // biome-ignore lint/style/noProcessEnv: the user named this variable as the place of the PIN
  const value = process.env[name];
  if (value !== undefined) return checkSecret(value, `the PIN in the environment variable ${name}`);
  throw new CredentialHelperError(
    `the environment variable that "${option}" names is not set: a name of ${name.length} characters`,
    { code: 'ERR_INVALID_OPTION', hint: NOT_SHOWN },
  );
}

const NOT_SHOWN =
  'give the name of the place that holds the PIN; the name is not shown, as it may be the PIN itself';

/** systemd gives its credentials to the user of the unit alone, so their mode is its own affair. */
function credentialReader(name: string, option: string): PinReader {
  if (name.includes('/') || name.startsWith('.')) {
    throw invalid(option, 'is the name of a credential, not a path');
  }
  // biome-ignore lint/style/noProcessEnv: systemd.exec(5) passes the folder of credentials this way
  const folder = process.env.CREDENTIALS_DIRECTORY;
  if (folder === undefined) {
    throw new CredentialHelperError(
      `"${option}" names a systemd credential, and this process was given none`,
      {
        code: 'ERR_INVALID_OPTION',
        hint: 'add LoadCredential=NAME:PATH to the unit, and start it with systemd',
      },
    );
  }
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new CredentialHelperError(
      `this process was not given the systemd credential that "${option}" names: a name of ${name.length} characters`,
      { code: 'ERR_FILE_UNREADABLE', hint: NOT_SHOWN },
    );
  }
  return secretFileReader(new SecretFile(path, `the PIN in the systemd credential "${name}"`));
}

function invalid(name: string, problem: string): CredentialHelperError {
  return new CredentialHelperError(`"${name}" ${problem}`, { code: 'ERR_INVALID_OPTION' });
}
