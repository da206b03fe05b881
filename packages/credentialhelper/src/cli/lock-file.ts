import { tryLock } from '../pins/lock.ts';
import { loadKoffi } from '../pkcs11/koffi.ts';
import { monotonicMs, sleep } from '../process/timers.ts';

/** Tries are at random times, so that none of many processes waits for others all the time. */
const LONGEST_POLL_MS = 20;

/** A lock among processes; the system releases it when its process ends for any reason. */
export interface FileLock {
  /** Whether it is held: not without koffi, if the file cannot be locked, or if it is late. */
  readonly isHeld: boolean;
  /** Whether another process held it for too long. */
  readonly isLate: boolean;
  /** Releases it. */
  release(): void;
}

const NOT_HELD: FileLock = { isHeld: false, isLate: false, release: () => {} };

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
      if (release !== undefined) return { isHeld: true, isLate: false, release };
      if (!isNeeded()) return NOT_HELD;
      if (monotonicMs() > endMs) return { ...NOT_HELD, isLate: true };
      await sleep(1 + Math.random() * LONGEST_POLL_MS);
    }
  } catch {
    // Such as a folder without write access.
    return NOT_HELD;
  }
}
