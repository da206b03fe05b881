import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EmulatorError } from '../errors.ts';

/** How another process reaches the emulator that has a folder open. */
export interface Running {
  readonly pid: number;
  /** Missing until it is ready, and in a process that only makes a change. */
  readonly apiEndpoint?: string;
  /** What control requests carry. */
  readonly controlToken?: string;
}

/** A folder that belongs to this process. */
export interface Lock {
  /**
   * Two processes may have found the same dead one's lock, and each taken it over: one of them has the folder.
   *
   * @throws {@link EmulatorError} `ERR_IN_USE` where it is another one
   */
  assertHeld(): void;
  /**
   * Tells other processes how to reach this one.
   *
   * @throws {@link EmulatorError} what `assertHeld` throws
   */
  publish(running: Omit<Running, 'pid'>): void;
  release(): void;
}

// In a container the emulator has the same process id each time it starts: a lock with its own id is not its own, unless
// it holds the folder.
const held = new Set<string>();

const lockFile = (dir: string) => resolve(dir, 'running.json');

/**
 * Takes a folder for this process. What a process left that has ended is taken over.
 *
 * @throws {@link EmulatorError} `ERR_IN_USE` where another process has it
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
      // Whoever reads it meanwhile must not find half of it.
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

// A hard link is made by one process only, and the file it gives is whole.
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
