import { readFileSync } from 'node:fs';
import { CredentialHelperError, resourceHint } from '../errors.ts';

/** Where a certificate, key or CA comes from: a path, PEM text, or PEM or DER bytes. */
export type Source = string | Uint8Array;

const MAX_FILE_BYTES = 1024 * 1024;

/** The bytes of a source, and how messages may call it. */
export interface SourceContent {
  readonly bytes: Buffer;
  /** `file "…"` for a path, else `the bytes given as "<option>"`: what a message calls it. */
  readonly name: string;
}

/** Whether this text is PEM itself and not a path to it. */
export function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}

/**
 * Reads a source. A string that holds PEM is PEM, any other string is a path.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`
 */
export function readSource(source: Source, option: string): SourceContent {
  if (typeof source !== 'string') {
    return { bytes: Buffer.from(source), name: `the bytes given as "${option}"` };
  }
  if (isPem(source)) {
    return { bytes: Buffer.from(source), name: `the PEM text given as "${option}"` };
  }
  return { bytes: readFile(source, option), name: `file "${source}"` };
}

function readFile(path: string, option: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw unreadable(`file "${path}" given as "${option}": ${REASONS[code ?? ''] ?? code}`, cause);
  }
  if (bytes.length > MAX_FILE_BYTES) {
    throw new CredentialHelperError(
      `file "${path}" given as "${option}" has ${bytes.length} bytes, more than any key or certificate`,
      { code: 'ERR_FILE_UNREADABLE' },
    );
  }
  return bytes;
}

/** The error for something that cannot be read. */
export function unreadable(what: string, cause: unknown): CredentialHelperError {
  const missing = resourceHint((cause as NodeJS.ErrnoException).code);
  return new CredentialHelperError(`cannot read ${what}`, {
    code: missing === undefined ? 'ERR_FILE_UNREADABLE' : 'ERR_OUT_OF_RESOURCES',
    cause,
    hint: missing ?? 'check the path and that this process may read the file',
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this process may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ERR_ACCESS_DENIED: "Node.js's permission model forbids it (--allow-fs-read)",
};
