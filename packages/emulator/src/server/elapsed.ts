import type { Fault } from '../faults/fault.ts';

/** Returns the milliseconds since a time of `performance.now()`, to a hundredth. */
function elapsedMs(startMs: number): number {
  return Math.round((performance.now() - startMs) * 100) / 100;
}

/** Returns the milliseconds from a reading until the response is sent; undefined if it is not. */
export function durationOf(startMs: number, fault: Fault | undefined): number | undefined {
  if (fault?.action === 'hang' || fault?.action === 'reset') return undefined;
  return elapsedMs(startMs) + (fault?.delayMs ?? 0);
}
