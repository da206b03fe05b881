import { afterEach } from 'vitest';

/** The PKCS#11 calls that {@link logger} recorded in this test. */
export const calls: string[] = [];

afterEach(() => {
  calls.length = 0;
});

/** How often a function was called. */
export function count(name: string): number {
  return calls.filter((line) => line.startsWith(`${name} `)).length;
}

/** Records the PKCS#11 calls. */
export const logger = {
  trace: (line: unknown) => calls.push(String(line)),
  debug() {},
  info() {},
  warn() {},
  error() {},
};
