import { useEffect, useRef, useState } from 'preact/hooks';
import type { RequestRecord } from '../http/request-record.ts';
import type { RequestBatch } from '../server/control/answers.ts';
import { CallError } from './call.ts';
import { readEvents } from './events.ts';

/** How many requests the page keeps. */
const KEPT = 2000;
/** The time until the next try after the connection is lost, in milliseconds. */
const RETRY_MS = 2000;

/** The live request log. */
export interface LiveRequests {
  /** Oldest first; the latest 2000. */
  readonly requests: readonly RequestRecord[];
  /** The number of requests that the emulator left out. */
  readonly dropped: number;
  readonly isConnected: boolean;
}

const NONE: LiveRequests = { requests: [], dropped: 0, isConnected: false };

/** Follows the requests of clients. While it is paused, what is shown stays; the rest follows afterwards. */
export function useRequests(isPaused: boolean): LiveRequests {
  const [shown, setShown] = useState(NONE);
  const latest = useRef(NONE);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    if (!isPaused) setShown(latest.current);
  }, [isPaused]);
  useEffect(() => {
    const controller = new AbortController();
    const update = (change: Partial<LiveRequests>) => {
      latest.current = { ...latest.current, ...change };
      if (!paused.current) setShown(latest.current);
    };
    const receive = (batch: RequestBatch) => {
      const { requests, dropped } = latest.current;
      update({
        isConnected: true,
        // What was before the first batch is not missed.
        dropped: requests.length === 0 ? 0 : dropped + batch.dropped,
        requests: [...requests, ...batch.requests].slice(-KEPT),
      });
    };
    void follow(receive, latest, () => update({ isConnected: false }), controller.signal);
    return () => controller.abort();
  }, []);
  return shown;
}

/** Reads the stream, and opens it again after it ends, until the token is rejected or the signal is aborted. */
async function follow(
  receive: (batch: RequestBatch) => void,
  latest: { readonly current: LiveRequests },
  lose: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const after = latest.current.requests.at(-1)?.sequence ?? 0;
    try {
      await readEvents<RequestBatch>(`requests/stream?after=${after}`, receive, signal);
    } catch (error) {
      if (signal.aborted || (error instanceof CallError && error.status === 401)) return;
    }
    if (signal.aborted) return;
    lose();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
