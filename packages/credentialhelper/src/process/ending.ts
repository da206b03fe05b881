import { isHeld } from './hold.ts';
import { otherRuntime } from './runtime.ts';
import { after, setImmediate } from './timers.ts';

/** How often to check whether this process is ending, in milliseconds. */
export const ENDING_CHECK_MS = 50;

/** The resources that may be stdout or stderr, which are listed, but do not keep the process running. */
const STREAMS: ReadonlySet<string> = new Set(['PipeWrap', 'TTYWrap']);

/**
 * Whether nothing keeps this process running but connecting sockets, for which Node.js would wait. In other runtimes,
 * which do not list active resources or do not exit by themselves, false.
 */
export function isEnding(): boolean {
  // Known without the list of active resources, which is long in a process that waits for many promises.
  if (isHeld() || otherRuntime() !== undefined) return false;
  const others = process.getActiveResourcesInfo().filter((name) => name !== 'ConnectWrap');
  if (others.some((name) => !STREAMS.has(name))) return false;
  return others.length <= countOutputs();
}

/** The number of stdout and stderr among the active resources; others are stdin or a channel to another process. */
function countOutputs(): number {
  // The only function that tells them apart: to look at `process.stdout` would open it.
  const handles = (
    process as unknown as { _getActiveHandles(): readonly { fd?: number }[] }
  )._getActiveHandles();
  return handles.filter(({ fd }) => fd === 1 || fd === 2).length;
}

/**
 * Runs a function in one of the next iterations of the event loop, while something else keeps this process
 * running.
 */
export function whileRunning(run: () => void): void {
  if (isHeld()) {
    setImmediate(run);
    return;
  }
  after(0, () => {
    if (isEnding()) after(ENDING_CHECK_MS, () => whileRunning(run));
    else run();
  });
}
