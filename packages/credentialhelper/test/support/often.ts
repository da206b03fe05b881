// What is repeated, or tried in many variants, does less of it in `npm test` than with LONG_TESTS (`npm run test:long`).

/** How often a test repeats something that is to hold each time: a fifth of the full number, or all with LONG_TESTS. */
export function often(full: number): number {
  return process.env.LONG_TESTS ? full : Math.ceil(full / 5);
}

/** Of rows that differ little and take long: every third, or all with LONG_TESTS. */
export function someOf<T>(rows: readonly T[]): readonly T[] {
  return process.env.LONG_TESTS ? rows : rows.filter((_, index) => index % 3 === 0);
}
