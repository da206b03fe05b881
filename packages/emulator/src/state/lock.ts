import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EmulatorError } from '../errors.ts';

/** How other processes reach the emulator that has a folder open. */
export interface Running {
  readonly pid: number;
  /** Missing until it is ready, and in a process that only applies a change. */
  readonly apiEndpoint?: string;
  /** The bearer token of control requests. */
  readonly controlToken?: string;
}

/** A folder that is locked by this process. */
export interface Lock {
  /**
   * Two processes may have taken over the same stale lock: only one of them has the folder.
   *
   * @throws {@link EmulatorError} `ERR_IN_USE` if it is the other
   */
  assertHeld(): void;
  /**
   * Publishes how other processes reach this one.
   *
   * @throws {@link EmulatorError} errors of `assertHeld`
   */
  publish(running: Omit<Running, 'pid'>): void;
  release(): void;
}

// In a container the emulator has the same process id after each start: a lock with its own id may be
// stale.
const held = new Set<string>();

const lockFile = (dir: string) => resolve(dir, 'running.json');

/**
 * Locks a folder for this process. A stale lock of a dead process is taken over.
 *
 * @throws {@link EmulatorError} `ERR_IN_USE` if another process has it
 */
export function lockFolder(dir: string): Lock {
  const file = lockFile(dir);
  const temporary = `${file}.${process.pid}`;
  const write = (running: Running) =>
    writeFileSync(temporary, `${JSON.stringify(running)}\n`, { mode: 0o600 });
  write({ pid: process.pid });
  try {
    takeFile(dir, temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
  held.add(file);
  const assertHeld = () => {
    const owner = read(file)?.pid;
    if (owner !== process.pid) throw inUse(dir, file, owner);
  };
  return {
    assertHeld,
    publish(running) {
      assertHeld();
      // Readers must not see an incomplete file.
      write({ pid: process.pid, ...running });
      renameSync(temporary, file);
    },
    release() {
      held.delete(file);
      if (read(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

/** The process that has a folder open now, if any. */
export function findRunning(dir: string): Running | undefined {
  const file = lockFile(dir);
  const running = read(file);
  if (running === undefined || (running.pid === process.pid && !held.has(file))) return undefined;
  return isAlive(running.pid) ? running : undefined;
}

function read(file: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running;
  } catch {
    return undefined;
  }
}

// Only one process can create a hard link, and its file is complete.
function takeFile(dir: string, temporary: string, file: string): void {
  for (const _try of [1, 2]) {
    try {
      linkSync(temporary, file);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      const running = findRunning(dir);
      if (running !== undefined) {
        throw inUse(dir, file, running.pid, cause);
      }
      rmSync(file, { force: true });
    }
  }
  throw new EmulatorError(`${dir} is being opened by several processes`, { code: 'ERR_IN_USE' });
}

function inUse(dir: string, file: string, pid: number | undefined, cause?: unknown): EmulatorError {
  return new EmulatorError(`${dir} is in use by process ${pid ?? 'unknown'} (${file})`, {
    code: 'ERR_IN_USE',
    cause,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
