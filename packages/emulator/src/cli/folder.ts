import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmulatorError } from '../errors.ts';
import { findHolder } from '../state/lock.ts';
import type { LockContent } from '../state/lock-file.ts';
import { openStore, type Store } from '../state/store.ts';

/** A running emulator that has a folder open. */
export type Running = LockContent & { readonly apiEndpoint: string };

/** How long to wait for other processes that have the folder open, and for an answer of an emulator. */
const TIMEOUT_MS = 30_000;
const RETRY_MS = 100;

/**
 * Returns the emulator that has a folder open, if any.
 *
 * @throws {@link EmulatorError} (as a rejection) `ERR_IN_USE`, `ERR_DIR`
 */
export async function findRunning(dir: string): Promise<Running | undefined> {
  const holder = await findHolder(dir);
  const apiEndpoint = holder?.apiEndpoint;
  return holder === undefined || apiEndpoint === undefined ? undefined : { ...holder, apiEndpoint };
}

/** Whether a folder has the state of an emulator. */
export function hasState(dir: string): boolean {
  return existsSync(join(dir, 'account.json'));
}

/**
 * Uses a folder: through the emulator that has it open, if there is one; otherwise the folder is opened meanwhile.
 *
 * @throws {@link EmulatorError} (as a rejection) errors of opening the folder, and of the uses
 */
export async function useFolder<T>(
  dir: string,
  uses: {
    readonly running: (emulator: Running) => Promise<T>;
    readonly opened: (store: Store) => T | Promise<T>;
  },
): Promise<T> {
  const found = await findOrOpen(dir);
  if ('apiEndpoint' in found) return uses.running(found);
  try {
    return await uses.opened(found);
  } finally {
    await found.close();
  }
}

async function findOrOpen(dir: string): Promise<Running | Store> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const running = await findRunning(dir);
    if (running !== undefined) return running;
    try {
      return await openStore({ dir, accountId: undefined, region: undefined, nowMs: Date.now() });
    } catch (error) {
      const isInUse = error instanceof EmulatorError && error.code === 'ERR_IN_USE';
      if (!isInUse || Date.now() > deadline) throw error;
    }
    await sleep(RETRY_MS * (0.5 + Math.random()));
  }
}

/**
 * Sends a control request to a running emulator, and returns the answer.
 *
 * @param request - method and name, such as `POST seed-files`
 * @throws {@link EmulatorError} (as a rejection) `ERR_IN_USE` if there is no answer, or the error of the answer
 */
export async function sendControl<T>(
  { pid, apiEndpoint, controlToken }: Running,
  request: string,
  input?: unknown,
): Promise<T> {
  const [method = '', name] = request.split(' ');
  let response: Response;
  let answer: T & { readonly code: string; readonly message: string };
  try {
    response = await fetch(`${apiEndpoint}/_emulator/${name}`, {
      method,
      headers: { authorization: `Bearer ${controlToken}` },
      ...(input !== undefined && { body: JSON.stringify(input) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    throw new EmulatorError(`the emulator of process ${pid} does not respond at ${apiEndpoint}`, {
      code: 'ERR_IN_USE',
      cause,
    });
  }
  if (response.ok) return answer;
  throw new EmulatorError(answer.message, { code: answer.code });
}
