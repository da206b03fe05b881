import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { CredentialHelperError, resourceHint } from '../errors.ts';
import { monotonicMs, sleep } from '../process/timers.ts';
import { within } from '../process/within.ts';

/** The maximum size of a file, larger than any key, certificate, CA list or PIN, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** Most keys and certificates take less. */
const CHUNK_BYTES = 4096;
const POLL_MS = 10;

/** Reads return `EAGAIN` instead of blocking. Windows has no such flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a regular file of at most 1 MiB.
 *
 * @param path - a path, or an open file descriptor, which stays open
 * @param what - its name in messages
 * @param look - called with the `Stats` of the opened file
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_OUT_OF_RESOURCES`
 */
export function readFile(
  path: string | number,
  what: string,
  look: (stats: Stats) => void = () => {},
): Buffer {
  return guarded(what, () => {
    const fd = typeof path === 'number' ? path : openSync(path, OPEN_FLAGS);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw unreadable(what, otherKind(stats));
      look(stats);
      const chunks = new Chunks(what);
      while (chunks.readFrom(fd) > 0);
      return chunks.bytes();
    } finally {
      if (fd !== path) closeSync(fd);
    }
  });
}

/** Whether a path names a pipe: a FIFO, `/dev/stdin` or `/dev/fd/N` if it is a pipe, a process substitution. */
export function isPipe(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats !== undefined && isPipeOrSocket(stats);
  } catch {
    return false;
  }
}

/** Whether this is a pipe, or a socket, as Node.js creates for pipes. */
export function isPipeOrSocket(stats: Stats): boolean {
  return stats.isFIFO() || stats.isSocket();
}

/** A pipe whose content, at most 1 MiB, is read once and kept. */
export class Pipe {
  readonly path: string;
  /** Its name in messages. */
  readonly what: string;
  #opened: { readonly fd: number; readonly chunks: Chunks; readonly isNamed: boolean } | undefined;
  #content: Buffer | undefined;
  #reading: Promise<Buffer> | undefined;
  #received: Promise<Buffer> | undefined;

  constructor(path: string, what: string) {
    this.path = path;
    this.what = what;
  }

  /** Its content, after {@link Pipe.read}. */
  get content(): Buffer {
    if (this.#content === undefined) throw new TypeError(`${this.what} was not read`);
    return this.#content;
  }

  /**
   * Reads to the end of the pipe, without blocking the event loop.
   *
   * @param limitMs - timeout in milliseconds; the next call continues
   * @throws {@link CredentialHelperError} (as a rejection) `ERR_FILE_UNREADABLE`, `ERR_OUT_OF_RESOURCES`
   */
  async read(limitMs: number): Promise<Buffer> {
    if (this.#content !== undefined) return this.#content;
    this.#reading ??= this.#read(limitMs).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(limitMs: number): Promise<Buffer> {
    const late = () =>
      unreadable(this.what, `its end did not come within ${limitMs} ms`, {
        hint: 'is the program that writes to the pipe running, and does it close the pipe?',
      });
    const fd = guarded(this.what, () => socketOf(this.path));
    if (fd === undefined) {
      this.#content = await this.#poll(monotonicMs() + limitMs, late);
    } else {
      this.#received ??= receive(fd, new Chunks(this.what));
      this.#content = await within(this.#received, limitMs, late);
    }
    return this.#content;
  }

  async #poll(deadline: number, late: () => Error): Promise<Buffer> {
    for (;;) {
      const content = guarded(this.what, () => this.#readNow());
      if (content !== undefined) return content;
      if (monotonicMs() >= deadline) throw late();
      await sleep(POLL_MS);
    }
  }

  /** Reads the available data; undefined if more can follow. */
  #readNow(): Buffer | undefined {
    this.#opened ??= this.#open();
    const { fd, chunks, isNamed } = this.#opened;
    try {
      while (chunks.readFrom(fd) > 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw error;
    }
    // A FIFO that no process has opened for writing yet is also at its end.
    if (isNamed && chunks.length === 0) return undefined;
    closeSync(fd);
    this.#opened = undefined;
    return chunks.bytes();
  }

  #open() {
    const fd = openSync(this.path, OPEN_FLAGS);
    const stats = fstatSync(fd);
    if (!stats.isFIFO()) {
      closeSync(fd);
      throw unreadable(this.what, 'it is no longer a pipe');
    }
    return { fd, chunks: new Chunks(this.what), isNamed: hasName(this.path) };
  }
}

/** The open file descriptor of a path to a socket, which cannot be opened by its path. */
function socketOf(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path) ?? [];
  const fd = path === '/dev/stdin' ? 0 : number === undefined ? undefined : Number(number);
  return fd !== undefined && fstatSync(fd).isSocket() ? fd : undefined;
}

async function receive(fd: number, chunks: Chunks): Promise<Buffer> {
  // Loaded here: such pipes are rare.
  const { Socket } = process.getBuiltinModule('node:net');
  const socket = guarded(chunks.what, () => new Socket({ fd, readable: true, writable: false }));
  socket.unref();
  try {
    for await (const chunk of socket) chunks.add(chunk);
  } catch (error) {
    throw explained(chunks.what, error);
  }
  return chunks.bytes();
}

/** Whether a pipe has a name in the file system, by which a process may still open it. */
function hasName(path: string): boolean {
  try {
    // The native version: the other takes the target of a link in /proc for a name.
    realpathSync.native(path);
    return true;
  } catch {
    return false;
  }
}

/** The data read so far. */
class Chunks {
  /** The name of its source in messages. */
  readonly what: string;
  readonly #chunks: Buffer[] = [];
  /** The unused rest of the last buffer. */
  #rest: Buffer = Buffer.of();
  length = 0;

  constructor(what: string) {
    this.what = what;
  }

  /** Reads the next piece; 0 at the end. */
  readFrom(fd: number): number {
    if (this.#rest.length === 0) this.#rest = Buffer.alloc(CHUNK_BYTES);
    const count = readSync(fd, this.#rest);
    this.add(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.length += chunk.length;
    if (this.length > MAX_BYTES) {
      throw unreadable(
        this.what,
        `it has more than ${MAX_BYTES} bytes, more than any key or certificate`,
      );
    }
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw explained(what, error);
  }
}

function explained(what: string, error: unknown): CredentialHelperError {
  if (error instanceof CredentialHelperError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return unreadable(what, REASONS[code ?? ''] ?? code ?? message, { cause: error });
}

/** The error for a source that cannot be read. */
function unreadable(
  what: string,
  reason: string,
  { cause, hint }: { readonly cause?: unknown; readonly hint?: string } = {},
): CredentialHelperError {
  const missing = resourceHint((cause as NodeJS.ErrnoException | undefined)?.code);
  return new CredentialHelperError(`cannot read ${what}: ${reason}`, {
    code: missing === undefined ? 'ERR_FILE_UNREADABLE' : 'ERR_OUT_OF_RESOURCES',
    cause,
    hint: missing ?? hint ?? 'check the path, and that this process is permitted to read the file',
  });
}

function otherKind(stats: Stats): string {
  if (stats.isDirectory()) return 'it is a folder';
  return stats.isFIFO()
    ? 'it is a pipe, not a file'
    : 'it is a device or a socket, not a file or a pipe';
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EEXIST: 'another part of this process is reading it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'its name is too long',
  EBADF: 'it is not open for reading',
  ENXIO: 'it is a socket, or a device that does not exist',
  ERR_ACCESS_DENIED: "Node.js's permission model forbids it (--allow-fs-read)",
};
