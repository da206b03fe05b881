import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The variables with which a program sees another time: an offset as faketime(1) takes it. (That command itself needs a
 * semaphore by its process id, which one that was killed leaves behind.)
 */
export function fakeTime(offset: string): {
  readonly LD_PRELOAD: string;
  readonly FAKETIME: string;
} {
  return { LD_PRELOAD: FAKE_TIME_LIBRARY, FAKETIME: offset };
}

/** The library of faketime(1). */
export const FAKE_TIME_LIBRARY: string =
  readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketime.so.1'))
    .find(existsSync) ?? 'libfaketime.so.1';
