import type { Stats } from 'node:fs';
import { types } from 'node:util';
import { type Path, pathOf } from './named-path.ts';
import { decodeBase64, isPem, meantBytes } from './pem.ts';
import { isPipe, Pipe, readFile } from './read-file.ts';

/** Where a certificate, key or CA comes from: an absolute path, PEM text, PEM or DER bytes, or a pipe. */
export type Source = string | Uint8Array | Pipe;

/** Is shown what the file system says of a file, and how messages call it. */
type Look = (stats: Stats, name: string) => void;

/** The bytes of a source, and how messages may call it. */
interface SourceContent {
  readonly bytes: Buffer;
  /** `file "…"` for a path, else `the bytes given as "<option>"`: what a message calls it. */
  readonly name: string;
}

/**
 * What the value of an option stands for: PEM, the bytes of a certificate or key in base64, or else a path. Bytes are
 * copied.
 *
 * @param others - the sources of other options: a pipe that several name is read once for all
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE` for text that is none of these: it
 * may be a key, so it is not shown
 */
export function openSource(
  given: Path | Uint8Array,
  option: string,
  others: readonly (Source | undefined)[] = [],
): Source {
  if (types.isUint8Array(given)) return Buffer.from(given);
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
 * Reads the pipes among some sources, once; the others are read where they are used.
 *
 * @param limitMs - how long that may take, in milliseconds
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

/** What a message calls a source. */
export function sourceName(source: Source, option: string): string {
  if (source instanceof Pipe) return source.what;
  if (typeof source !== 'string') return `the bytes given as "${option}"`;
  return isPem(source) ? `the PEM text given as "${option}"` : `file "${source}"`;
}
