import { createHmac, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import type { Secret } from '../identity/secret.ts';
import { parseJson } from '../json.ts';

/**
 * Remembers the PINs that tokens have rejected in a folder that all processes of a user share: one file for each, named
 * by a keyed hash of token and PIN.
 *
 * A token locks after a few wrong PINs, and processes that start again and again would use them up.
 */
export interface RejectedPins {
  /**
   * @param token - what tells the token apart from others
   * @throws {@link CredentialHelperError} `ERR_PIN_INCORRECT`, where this PIN was rejected before
   */
  assertNotRejected(token: string, pin: Secret): void;
  /** Remembers a rejection. */
  remember(token: string, pin: Secret, rejection: CredentialHelperError): void;
}

/**
 * Opens the memory of rejected PINs.
 *
 * @param folder - made when there is something to remember; undefined: nothing is remembered
 * @param warn - told where the folder cannot be written
 */
export function openRejectedPins(
  folder: string | undefined,
  warn: (message: string) => void,
): RejectedPins {
  if (folder === undefined) return { assertNotRejected() {}, remember() {} };
  const entry = (key: Buffer, token: string, pin: Secret) => {
    const hash = createHmac('sha256', key).update(JSON.stringify([token, pin.reveal()]));
    return join(folder, `rejected-pin-${hash.digest('hex')}.json`);
  };
  return {
    assertNotRejected(token, pin) {
      const key = readKey(folder);
      if (key === undefined) return;
      const file = entry(key, token, pin);
      const rejection = readRejection(file);
      if (rejection === undefined) return;
      throw new CredentialHelperError(
        `the token rejected this PIN on ${rejection.at}, so it was not tried again: ${rejection.message}`,
        {
          code: 'ERR_PIN_INCORRECT',
          hint: `correct the PIN; if the token's PIN has been set to this one since, delete ${file}`,
        },
      );
    },
    remember(token, pin, { message }) {
      try {
        makeFolders(folder);
        const file = entry(readKey(folder) ?? makeKey(folder), token, pin);
        const at = new Date().toISOString();
        writeWhole(file, JSON.stringify({ message, at }));
      } catch (error) {
        warn(
          `cannot remember in ${folder} that the token rejected the PIN: ${(error as Error).message}`,
        );
      }
    },
  };
}

/**
 * Makes a folder and those above it. With `recursive`, Node tries for ever where a file system says ENOENT of a folder whose
 * parent is there, as /proc does.
 */
function makeFolders(folder: string): void {
  const parent = dirname(folder);
  if (parent !== folder && !existsSync(parent)) makeFolders(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

interface Rejection {
  readonly message: string;
  readonly at: string;
}

const keyFile = (folder: string) => join(folder, 'rejected-pins.key');

function readKey(folder: string): Buffer | undefined {
  return readIfThere(keyFile(folder));
}

/** Makes the key, unless another process was faster. */
function makeKey(folder: string): Buffer {
  const file = keyFile(folder);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, randomBytes(32), { mode: 0o600 });
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary);
  }
  return readFileSync(file);
}

function readRejection(file: string): Rejection | undefined {
  const bytes = readIfThere(file);
  if (bytes === undefined) return undefined;
  // A file that is there is a rejection, whatever became of its text.
  const { message, at } = (parseJson(bytes) ?? {}) as Partial<Rejection>;
  return {
    message: String(message ?? 'no details were kept'),
    at: String(at ?? 'an unknown date'),
  };
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Writes a file so that it is there whole or not at all. */
function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
