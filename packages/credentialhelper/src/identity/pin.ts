import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { CredentialHelperError } from '../errors.ts';
import { unreadable } from './read-source.ts';
import { Secret } from './secret.ts';

/**
 * Where the PIN of a token comes from:
 *
 * - a string: the PIN itself;
 * - `null`: the token asks for it on its own PIN pad;
 * - `{ file }`: the first line of a file, read again for each login;
 * - `{ environmentVariable }`: an environment variable, which the child process that uses the token does not inherit;
 * - `{ systemdCredential }`: a credential of the systemd unit, by its name (systemd.exec(5), `LoadCredential=`);
 * - `{ fileDescriptor }`: an open file descriptor, read once;
 * - a function that gives the PIN, called for each login.
 */
export type PinSource =
  | string
  | null
  | { readonly file: string }
  | { readonly environmentVariable: string }
  | { readonly systemdCredential: string }
  | { readonly fileDescriptor: number }
  | (() => string | null | Promise<string | null>);

/** A PIN; `null`: the token has its own PIN pad; `undefined`: no login. */
export type Pin = Secret | null | undefined;

/** A PIN source that has been checked. */
export interface PinReader {
  /** Reads the PIN now. */
  read(): Pin | Promise<Pin>;
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
  warn: (message: string) => void,
): PinReader {
  const variable =
    isRecord(source) && 'environmentVariable' in source ? source.environmentVariable : undefined;
  const read = pinReader(source, option, warn);
  if (!(typeof source === 'function' || (isRecord(source) && 'fileDescriptor' in source))) read();
  return { read, environmentVariable: variable };
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
      // RFC 8089 allows file:/path and file:///path; Node's own parser takes both.
      const url = new URL(text);
      if (url.host !== '') break;
      return { file: fileURLToPath(url) };
    }
    case 'env':
      return { environmentVariable: rest };
    case 'credential':
      return { systemdCredential: rest };
    case 'fd':
      if (!/^\d{1,9}$/.test(rest)) break;
      return { fileDescriptor: Number(rest) };
    default:
      break;
  }
  throw invalid(option, 'has a pin-source that is no path, file:, env:, credential: or fd:');
}

/**
 * Reads a PIN, or another secret, from the first line of a file.
 *
 * @param warn - told of a file that others can read
 * @param what - what messages call it
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`; `ERR_INVALID_OPTION` where the line is no PIN
 */
export function readPinFile(
  path: string,
  warn: (message: string) => void = () => {},
  what = 'PIN',
): Secret {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
    if ((statSync(path).mode & 0o077) !== 0) {
      warn(`the ${what} file ${path} can be read by other users; chmod 600 helps`);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw unreadable(`the ${what} file "${path}" (${code})`, cause);
  }
  return checkPin(text.replace(/\r?\n[\s\S]*$/, ''), `the ${what} in file "${path}"`);
}

function pinReader(
  source: unknown,
  option: string,
  warn: (message: string) => void,
): PinReader['read'] {
  if (source === undefined || source === null) return () => source;
  if (typeof source === 'string') {
    const pin = checkPin(source, `"${option}"`);
    return () => pin;
  }
  if (typeof source === 'function') {
    return async () => {
      const pin: unknown = await source();
      return pin === null ? null : checkPin(pin, `what the function "${option}" gave`);
    };
  }
  return placeReader(source, option, warn);
}

const PLACES = ['file', 'environmentVariable', 'systemdCredential', 'fileDescriptor'] as const;

function placeReader(
  source: unknown,
  option: string,
  warn: (message: string) => void,
): () => Secret {
  const [[name, value] = [], ...more] = isRecord(source) ? Object.entries(source) : [];
  const place = PLACES.find((known) => known === name);
  if (place === undefined || more.length > 0) {
    throw invalid(
      option,
      `must be text, null, a function, or an object with one of ${PLACES.join(', ')}`,
    );
  }
  if (place === 'fileDescriptor') {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return readOnce(value as number);
    throw invalid(`${option}.${place}`, 'must be a whole number, 0 or more');
  }
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw invalid(`${option}.${place}`, 'must be text');
  }
  if (place === 'environmentVariable') return () => readVariable(value);
  // systemd gives its credentials to the user of the unit alone, so their mode is its own affair.
  if (place === 'systemdCredential') return () => readPinFile(credentialPath(value, option));
  const path = resolve(value);
  return () => readPinFile(path, warn);
}

// A pipe gives what it holds once.
function readOnce(fileDescriptor: number): () => Secret {
  let pin: Secret | undefined;
  return () => {
    if (pin === undefined) {
      let text: string;
      try {
        text = readFileSync(fileDescriptor, 'utf8');
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new CredentialHelperError(
          `cannot read the PIN from file descriptor ${fileDescriptor} (${code})`,
          { code: 'ERR_FILE_UNREADABLE', cause, hint: 'is it open for reading?' },
        );
      }
      pin = checkPin(
        text.replace(/\r?\n[\s\S]*$/, ''),
        `the PIN from file descriptor ${fileDescriptor}`,
      );
    }
    return pin;
  };
}

function readVariable(name: string): Secret {
  // biome-ignore lint/style/noProcessEnv: the user named this variable as the place of the PIN
  const value = process.env[name];
  if (value === undefined) {
    throw new CredentialHelperError(`the environment variable ${name} for the PIN is not set`, {
      code: 'ERR_INVALID_OPTION',
    });
  }
  return checkPin(value, `the PIN in the environment variable ${name}`);
}

function credentialPath(name: string, option: string): string {
  if (name.includes('/') || name.startsWith('.')) {
    throw invalid(`${option}.systemdCredential`, 'is the name of a credential, not a path');
  }
  // biome-ignore lint/style/noProcessEnv: systemd.exec(5) passes the folder of credentials this way
  const folder = process.env.CREDENTIALS_DIRECTORY;
  if (folder === undefined) {
    throw new CredentialHelperError(
      `"${option}" names the systemd credential "${name}", and this process was given no credentials`,
      {
        code: 'ERR_INVALID_OPTION',
        hint: `add LoadCredential=${name}:PATH to the unit, and start it with systemd`,
      },
    );
  }
  return join(folder, name);
}

function checkPin(value: unknown, name: string): Secret {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    const problem = typeof value !== 'string' ? 'not text' : value === '' ? 'empty' : 'not a line';
    throw new CredentialHelperError(`${name} is ${problem}`, { code: 'ERR_INVALID_OPTION' });
  }
  return new Secret(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(name: string, problem: string): CredentialHelperError {
  return new CredentialHelperError(`"${name}" ${problem}`, { code: 'ERR_INVALID_OPTION' });
}
