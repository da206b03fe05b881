/** Returns the milliseconds since a time of `performance.now()`, to a hundredth. */
export function elapsedMs(startMs: number): number {
  return Math.round((performance.now() - startMs) * 100) / 100;
}
