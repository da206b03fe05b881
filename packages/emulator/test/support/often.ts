/** How often a test repeats something: a fifth of the full number, unless LONG_TESTS is set (`npm run test:long`). */
export function often(full: number): number {
  return process.env.LONG_TESTS ? full : Math.ceil(full / 5);
}
