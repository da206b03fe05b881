import type { ClientRequest } from 'node:http';
import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { ENDING_CHECK_MS, isEnding } from '../process/ending.ts';
import { clearInterval, setInterval } from '../process/timers.ts';

/**
 * The time for each of several addresses of a name, in milliseconds: an equal share of the timeout, as the default of
 * 250 ms is too short for a slow link.
 */
export function attemptMs(leftMs: number): number {
  return Math.max(getDefaultAutoSelectFamilyAttemptTimeout(), Math.round(leftMs / 4));
}

/** The callbacks of {@link watchConnecting}, and the timer of their checks: one for all of them. */
const connecting = new Set<() => void>();
let watch: NodeJS.Timeout | undefined;

/**
 * Lets the socket of a request not keep this process running. While it is connecting, Node.js would wait for it
 * nevertheless: the request is destroyed when no promise waits for it and nothing else runs.
 *
 * @param onConnect - called when the socket is connected
 */
export function watchConnecting(sent: ClientRequest, onConnect: () => void): void {
  const end = () => sent.destroy(new Error('this process ends'));
  const stop = () => {
    connecting.delete(end);
    if (connecting.size > 0) return;
    clearInterval(watch);
    watch = undefined;
  };
  connecting.add(end);
  watch ??= setInterval(endAll, ENDING_CHECK_MS).unref();
  sent.on('close', stop);
  sent.on('socket', (socket) => {
    socket.unref();
    socket.on('connect', () => {
      stop();
      onConnect();
    });
  });
}

function endAll(): void {
  if (isEnding()) for (const end of connecting) end();
}
