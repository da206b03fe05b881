import type { Stats } from 'node:fs';
import { isUint8Array } from 'node:util/types';
import { type Path, pathOf } from './named-path.ts';
import { decodeBase64, isPem, meantBytes } from './pem.ts';
import { isPipe, Pipe, readFile } from './read-file.ts';

/** The source of a certificate, key or CA: an absolute path, PEM text, PEM or DER bytes, or a pipe. */
export type Source = string | Uint8Array | Pipe;

/** Called with the `Stats` of a file, and its name in messages. */
type Look = (stats: Stats, name: string) => void;

/** The bytes of a source, and its name in messages. */
export interface SourceContent {
  readonly bytes: Buffer;
  /** Its name in messages: `file "…"` for a path, else `the bytes given as "<option>"`. */
  readonly name: string;
}

/**
 * Opens the value of an option: PEM, base64 of a certificate or key, or else a path. Bytes are copied.
 *
 * @param others - the sources of other options: a pipe that several options name is read once
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE` for other text: it may be a key,
 * so it is not shown
 */
export function openSource(
  given: Path | Uint8Array,
  option: string,
  others: readonly (Source | undefined)[] = [],
): Source {
  if (isUint8Array(given)) return Buffer.from(given);
  if (typeof given === 'string') {
    if (isPem(given)) return given;
    const bytes = decodeBase64(given);
    if (bytes !== undefined) return bytes;
  }
  const path = pathOf(given, option);
  if (!isPipe(path)) return path;
  const same = others.find((other) => other instanceof Pipe && other.path === path);
  return same ?? new Pipe(path, `pipe "${path}" given as "${option}"`);
}

/**
 * Reads the pipes among some sources, once; the others are read when they are used.
 *
 * @param limitMs - timeout in milliseconds
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_FILE_UNREADABLE`, `ERR_OUT_OF_RESOURCES`
 */
export async function readPipes(sources: readonly unknown[], limitMs: number): Promise<void> {
  await Promise.all(pipesOf(sources).map((pipe) => pipe.read(limitMs)));
}

/** The pipes among some sources. */
export function pipesOf(sources: readonly unknown[]): readonly Pipe[] {
  return sources.filter((source) => source instanceof Pipe);
}

/**
 * Reads a source: PEM text, bytes, a file, or a pipe that was read before.
 *
 * @param look - for a file
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_OUT_OF_RESOURCES`
 */
export function readSource(source: Source, option: string, look?: Look): SourceContent {
  const name = sourceName(source, option);
  return { bytes: meantBytes(bytesOf(source, option, (stats) => look?.(stats, name))), name };
}

function bytesOf(source: Source, option: string, look: (stats: Stats) => void): Buffer {
  if (source instanceof Pipe) return source.content;
  if (typeof source !== 'string' || isPem(source)) return Buffer.from(source);
  return readFile(source, `file "${source}" given as "${option}"`, look);
}

/** The name of a source in messages. */
export function sourceName(source: Source, option: string): string {
  if (source instanceof Pipe) return source.what;
  if (typeof source !== 'string') return `the bytes given as "${option}"`;
  return isPem(source) ? `the PEM text given as "${option}"` : `file "${source}"`;
}
