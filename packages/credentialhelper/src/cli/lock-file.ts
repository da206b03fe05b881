import { tryLock } from '../pins/lock.ts';
import { loadKoffi } from '../pkcs11/koffi.ts';
import { monotonicMs, sleep } from '../process/timers.ts';

const POLL_MS = 20;

/** A lock among processes; the system releases it when its process ends for any reason. */
export interface FileLock {
  /** Whether it is held: not without koffi, if the file cannot be locked, or if another process held it for too long. */
  readonly isHeld: boolean;
  /** Releases it. */
  release(): void;
}

const NOT_HELD: FileLock = { isHeld: false, release: () => {} };

/**
 * Waits for a lock. It is an optimization or a precaution for its users: without it they go on.
 *
 * @param file - created if it does not exist, and never removed
 * @param limitMs - how long to wait for another process, in milliseconds
 * @param isNeeded - asked while another process holds the lock
 */
export async function lockFile(
  file: string,
  limitMs: number,
  isNeeded: () => boolean = () => true,
): Promise<FileLock> {
  const koffi = await loadKoffi().catch(() => undefined);
  if (koffi === undefined) return NOT_HELD;
  const endMs = monotonicMs() + limitMs;
  try {
    for (;;) {
      const release = tryLock(koffi, file);
      if (release !== undefined) return { isHeld: true, release };
      if (monotonicMs() > endMs || !isNeeded()) return NOT_HELD;
      await sleep(POLL_MS);
    }
  } catch {
    // Such as a folder without write access.
    return NOT_HELD;
  }
}
