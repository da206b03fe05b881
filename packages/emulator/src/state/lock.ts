import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { temporaryName } from './files.ts';
import { folderError } from './folder.ts';
import { type Liveness, livenessOf, thisProcess } from './holder.ts';
import { listenAsHolder } from './holder-socket.ts';
import { type LockContent, readLock } from './lock-file.ts';

/** A folder that is locked by this process. */
export interface Lock {
  /**
   * Checks that no other program replaced or removed the lock.
   *
   * @throws {@link EmulatorError} `ERR_IN_USE` if one did
   */
  assertHeld(): void;
  /**
   * Publishes how other processes reach this one.
   *
   * @throws {@link EmulatorError} errors of `assertHeld`, `ERR_DIR` if it cannot be written
   */
  publish(endpoint: { readonly apiEndpoint: string; readonly controlToken: string }): void;
  release(): void;
}

/** The tokens of this process: where the system does not tell start times, its id may be that of an ended process. */
const held = new Set<string>();

const NAME = 'running.json';

/**
 * Locks a folder for this process. The lock of a process that has ended is taken over.
 *
 * @throws {@link EmulatorError} (as a rejection) `ERR_IN_USE` if another process has it, `ERR_DIR` if the lock is
 * damaged
 */
export async function lockFolder(dir: string): Promise<Lock> {
  const file = resolve(dir, NAME);
  const token = randomBytes(8).toString('hex');
  const socket = `running-${token}.sock`;
  const stopListening = await listenAsHolder(resolve(dir, socket));
  const content: LockContent = { ...thisProcess(), token, ...(stopListening && { socket }) };
  const temporary = temporaryName(file);
  const write = (written: LockContent) =>
    writeFileSync(temporary, `${JSON.stringify(written)}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  try {
    write(content);
    await take(file, temporary);
  } catch (error) {
    stopListening?.();
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  held.add(token);
  removeClaims(file);
  const assertHeld = () => {
    const found = readLock(file)?.content;
    if (found?.token !== token) throw inUse(file, found, 'running');
  };
  return {
    assertHeld,
    publish(endpoint) {
      assertHeld();
      try {
        // Readers must not see an incomplete file.
        write({ ...content, ...endpoint });
        renameSync(temporary, file);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw folderError(dir, error as Error);
      }
    },
    release() {
      held.delete(token);
      stopListening?.();
      try {
        if (readLock(file)?.content.token === token) rmSync(file, { force: true });
      } catch {
        // Another program damaged it: it is no longer ours.
      }
    },
  };
}

/**
 * Returns the process that has a folder open now, if any.
 *
 * @throws {@link EmulatorError} (as a rejection) `ERR_IN_USE` if it cannot answer, or cannot be told from here;
 * `ERR_DIR` if the lock is damaged
 */
export async function findHolder(dir: string): Promise<LockContent | undefined> {
  const file = resolve(dir, NAME);
  const content = readLock(file)?.content;
  if (content === undefined) return undefined;
  const liveness = await judge(file, content);
  if (liveness === 'ended') return undefined;
  if (liveness === 'running') return content;
  throw inUse(file, content, liveness);
}

const MAX_TRIES = 100;

/**
 * Puts a complete file in the place of a lock, unless a process that runs has it. To replace the lock of a process that
 * has ended takes the sole right to replace this very one: a lock itself, whose name is derived from the other.
 */
async function take(file: string, complete: string): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    // Only one process can create a hard link.
    if (link(complete, file)) return;
    const found = readLock(file);
    if (found === undefined) continue;
    const liveness = await judge(file, found.content);
    if (liveness !== 'ended') throw inUse(file, found.content, liveness);
    const claim = `${file}.${found.hash}`;
    await take(claim, complete);
    try {
      if (readLock(file)?.hash !== found.hash) continue;
      // A name more: the complete file may be needed again.
      const other = temporaryName(file);
      linkSync(complete, other);
      renameSync(other, file);
      if (found.content.socket !== undefined) {
        rmSync(join(dirname(file), basename(found.content.socket)), { force: true });
      }
      return;
    } finally {
      rmSync(claim, { force: true });
    }
  }
  throw new EmulatorError(`${dirname(file)} is being opened by several processes`, {
    code: 'ERR_IN_USE',
  });
}

function link(existing: string, name: string): boolean {
  try {
    linkSync(existing, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the rights to replace earlier locks that processes had which were killed: this lock is none of them. */
function removeClaims(file: string): void {
  const name = basename(file);
  for (const other of readdirSync(dirname(file))) {
    if (other.startsWith(`${name}.`) && /^[0-9a-f]{16}$/.test(other.slice(name.length + 1))) {
      rmSync(join(dirname(file), other), { force: true });
    }
  }
}

async function judge(file: string, content: LockContent): Promise<Liveness> {
  const { pid, startTime, token = '' } = content;
  if (pid === process.pid && startTime === undefined) return held.has(token) ? 'running' : 'ended';
  return livenessOf(content, dirname(file));
}

function inUse(
  file: string,
  holder: LockContent | undefined,
  liveness: Exclude<Liveness, 'ended'>,
): EmulatorError {
  const dir = dirname(file);
  const who = `process ${holder?.pid ?? 'unknown'}`;
  const message = {
    running: `${dir} is in use by ${who} (${file})`,
    stopped: `${dir} is in use by ${who}, which is stopped (${file})`,
    unknown: `${dir} may be in use by ${who} of another container or machine (${holder?.hostName}), which cannot be seen from here; if it has ended, delete ${file}`,
  }[liveness];
  return new EmulatorError(message, { code: 'ERR_IN_USE' });
}
