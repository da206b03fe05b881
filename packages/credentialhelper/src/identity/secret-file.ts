import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { CredentialHelperError } from '../errors.ts';
import { isPipe, Pipe, readFile } from './read-file.ts';
import { Secret } from './secret.ts';

/** Logs a warning. */
export type Warn = (message: string) => void;

/** A file or pipe that holds a PIN or passphrase in UTF-8, optionally followed by one newline. */
export class SecretFile {
  /** Its absolute path. */
  readonly path: string;
  readonly #name: string;
  readonly #warn: Warn;
  readonly #pipe: Pipe | undefined;

  /**
   * @param file - an absolute path
   * @param name - the name of the secret in messages
   * @param warn - called for a file that other users can read
   */
  constructor(file: string, name: string, warn: Warn = () => {}) {
    this.path = file;
    this.#name = name;
    this.#warn = warn;
    this.#pipe = isPipe(file) ? new Pipe(file, name) : undefined;
  }

  /**
   * Checks that a file can be read and has valid content. A pipe is not read.
   *
   * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_INVALID_OPTION`
   */
  check(): void {
    if (this.#pipe === undefined) this.#readFile();
  }

  /**
   * Reads the current content of a file; a pipe once.
   *
   * @param limitMs - timeout for a pipe, in milliseconds
   * @throws {@link CredentialHelperError} (as a rejection) `ERR_FILE_UNREADABLE`, `ERR_INVALID_OPTION`
   */
  async read(limitMs: number): Promise<Secret> {
    if (this.#pipe === undefined) return this.#readFile();
    return secretOf(await this.#pipe.read(limitMs), this.#name);
  }

  /** Reads the current content of a file; undefined for a pipe, which only {@link SecretFile.read} can. */
  get readNow(): (() => Secret) | undefined {
    return this.#pipe === undefined ? () => this.#readFile() : undefined;
  }

  #readFile(): Secret {
    const look = (stats: Stats) => warnOfAccess(stats, this.#name, this.#warn);
    return secretOf(readFile(this.path, this.#name, look), this.#name);
  }
}

/** Warns about a file with a secret that other users can read or replace. */
export function warnOfAccess({ mode, uid }: Stats, what: string, warn: Warn): void {
  const self = process.getuid?.();
  // Windows reports neither.
  if (self === undefined) return;
  if ((mode & 0o077) !== 0) warn(`${what} can be read by other users; restrict it with chmod 600`);
  if (uid !== self && uid !== 0) {
    warn(`${what} belongs to another user (uid ${uid}), who can read and replace it`);
  }
}

/**
 * Decodes a PIN or passphrase, without one trailing newline.
 *
 * @param name - its name in messages
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function secretOf(bytes: Buffer, name: string): Secret {
  const encoding = otherEncoding(bytes);
  if (encoding !== undefined) {
    throw new CredentialHelperError(`${name} ${encoding}`, {
      code: 'ERR_INVALID_OPTION',
      hint: 'write it as UTF-8 without a byte order mark: printf %s SECRET >FILE',
    });
  }
  return checkSecret(bytes.toString('utf8').replace(/\r?\n$/, ''), name);
}

function otherEncoding(bytes: Buffer): string | undefined {
  const beginning = bytes.subarray(0, 3).toString('hex');
  if (beginning === 'efbbbf') return 'begins with a byte order mark';
  if (/^(?:fffe|feff)/.test(beginning)) return 'is UTF-16, as PowerShell writes it';
  return isUtf8(bytes) ? undefined : 'is not UTF-8';
}

/**
 * Validates a PIN or passphrase before it uses up a try: characters from copying or editing are rejected.
 *
 * @param name - its name in messages
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function checkSecret(value: unknown, name: string): Secret {
  const problem = secretProblem(value);
  if (problem === undefined) return new Secret(value as string);
  throw new CredentialHelperError(`${name} ${problem}`, {
    code: 'ERR_INVALID_OPTION',
    hint: 'it was not used; correct it at its source',
  });
}

function secretProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is not text';
  if (value === '') return 'is empty';
  if (value.startsWith('\ufeff')) return 'begins with a byte order mark';
  if (/[\r\n][\s\S]*[^\r\n]/.test(value)) return 'has more than one line';
  if (/[\r\n]$/.test(value)) return 'ends with a newline or carriage return';
  if (value.includes('\0')) return 'has a NUL character';
  if (/[\s\u200b-\u200d\u2060]$/.test(value)) return 'ends with whitespace';
  return /^[\s\u200b-\u200d\u2060]/.test(value) ? 'begins with whitespace' : undefined;
}
