import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CredentialHelperError, resourceHint } from '../errors.ts';
import { decodeBase64, isPem, meantBytes } from './pem.ts';

/** Where a certificate, key or CA comes from: a path, PEM text, or PEM or DER bytes. */
export type Source = string | Uint8Array;

const MAX_FILE_BYTES = 1024 * 1024;

/** The bytes of a source, and how messages may call it. */
export interface SourceContent {
  readonly bytes: Buffer;
  /** `file "…"` for a path, else `the bytes given as "<option>"`: what a message calls it. */
  readonly name: string;
}

/**
 * What the text of an option stands for: PEM, the bytes of a certificate or key in base64, or else an absolute path.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION` for text that is none of these: it may be a key, so it is
 * not shown
 */
export function sourceOfText(text: string, option: string): Source {
  if (isPem(text)) return text;
  const path = resolve(text);
  if (isPlainPath(text) || existsSync(path)) return path;
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  throw new CredentialHelperError(
    `"${option}" is a text of ${text.length} characters that is neither PEM nor the path of a file: ${looks(text)}`,
    {
      code: 'ERR_INVALID_OPTION',
      hint: 'give a path, PEM text, or its bytes; the text is not shown, as it may be a secret',
    },
  );
}

/** Whether a text is plainly a path, and no part of it can be a key or PIN that was put in the wrong place. */
export function isPlainPath(text: string): boolean {
  if (text.length > 1024 || /[\p{Cc}+=,;{}"'<>|]/u.test(text) || /^data:/i.test(text)) return false;
  return text.split(/[\\/]/).every((part) => !LONG_RUN.test(part) || EXTENSION.test(part));
}

/** A run of characters that base64 or hex is made of, longer than words are. */
const LONG_RUN = /[A-Za-z0-9]{24,}/;
const EXTENSION = /\.[A-Za-z0-9]{1,8}$/;

function looks(text: string): string {
  if (/^data:/i.test(text)) return 'it looks like a data: URL';
  if (/^\s*[{[]/.test(text)) return 'it looks like JSON';
  if (/^[0-9a-f\s:]+$/i.test(text)) return 'it looks like hexadecimal digits';
  if (/^[A-Za-z0-9+/=_\s-]+$/.test(text))
    return 'it looks like base64, and not of a certificate or key';
  return 'it looks like no path';
}

/**
 * Reads a source: PEM text, bytes, or a path.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_OUT_OF_RESOURCES`
 */
export function readSource(source: Source, option: string): SourceContent {
  const isPath = typeof source === 'string' && !isPem(source);
  const bytes = isPath ? readFile(source, option) : Buffer.from(source);
  return { bytes: meantBytes(bytes), name: sourceName(source, option) };
}

/** What a message calls a source. */
export function sourceName(source: Source, option: string): string {
  if (typeof source !== 'string') return `the bytes given as "${option}"`;
  return isPem(source) ? `the PEM text given as "${option}"` : `file "${source}"`;
}

function readFile(path: string, option: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = REASONS[code ?? ''] ?? code ?? message;
    throw unreadable(`file "${path}" given as "${option}": ${reason}`, cause);
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
