import { clearInterval, setInterval } from '../../process/timers.ts';
import { printLine } from '../output.ts';
import type { States, Summary } from './states.ts';
import type { Notifier } from './systemd.ts';

/** Requests to reload, by SIGHUP. */
export interface ReloadSignal {
  /** Runs a function for requests, also for one that came before; those that come while it runs are one more. */
  handle(reload: () => Promise<void>): void;
  /** Stops. */
  close(): void;
}

/** Begins to listen for SIGHUP, which otherwise ends this process while it starts. */
export function listenForReloads(): ReloadSignal {
  let isDue = false;
  let isRunning = false;
  let reload: (() => Promise<void>) | undefined;
  const run = async () => {
    if (reload === undefined || isRunning) return;
    isRunning = true;
    for (; isDue; await reload()) isDue = false;
    isRunning = false;
  };
  const requested = () => {
    isDue = true;
    void run();
  };
  process.on('SIGHUP', requested);
  return {
    handle(first) {
      reload = first;
      void run();
    },
    close: () => void process.off('SIGHUP', requested),
  };
}

/** A service that runs until a signal ends it. */
export interface Service {
  readonly notifier: Notifier;
  readonly reloads: ReloadSignal;
  /** Starts to observe the state of the service. */
  readonly watch: (onSummary: (summary: Summary) => void) => States;
  /** Begins its work. */
  readonly begin: () => void;
  /** Reads its settings again. If it rejects, nothing has changed. */
  readonly reload: () => Promise<void>;
}

/** While a start waits for the network, the service manager is asked for more time. */
const EXTEND_MS = 20_000;
const EXTENSION_USEC = 90_000_000;

/**
 * Runs a service until SIGTERM or SIGINT, and tells the service manager about it: ready when it can serve, and alive as long as
 * the event loop turns and refreshes do not hang. SIGHUP reloads.
 */
export async function runUntilSignal({
  notifier,
  reloads,
  watch,
  begin,
  reload,
}: Service): Promise<void> {
  let isReady = false;
  let told = '';
  const tell = (summary: Summary) => {
    const becomesReady = summary.isReady && !isReady;
    if (summary.text === told && !becomesReady) return;
    isReady ||= summary.isReady;
    told = summary.text;
    void notifier.notify(...(becomesReady ? ['READY=1'] : []), `STATUS=${told}`);
  };
  const states = watch(tell);
  const stopAlive = sendRepeatedly(notifier.watchdogMs, () => {
    if (!states.isStuck) void notifier.notify('WATCHDOG=1');
  });
  const stopExtending = sendRepeatedly(EXTEND_MS, () => {
    if (!isReady) void notifier.notify(`EXTEND_TIMEOUT_USEC=${EXTENSION_USEC}`);
  });
  const reloadOnce = async () => {
    if (isReady) await notifier.notify('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec()}`);
    try {
      await reload();
      printLine('info', 'the settings were read again');
    } catch (error) {
      printLine('error', `the settings stay as they were: ${(error as Error).message}`);
    }
    states.check();
    if (isReady) await notifier.notify('READY=1', `STATUS=${told}`);
  };
  begin();
  states.check();
  reloads.handle(reloadOnce);
  await stopSignal();
  reloads.close();
  stopAlive();
  stopExtending();
  states.close();
  await notifier.notify('STOPPING=1', 'STATUS=stopping');
}

function sendRepeatedly(ms: number | undefined, send: () => void): () => void {
  if (ms === undefined) return () => {};
  send();
  const timer = setInterval(send, ms).unref();
  return () => clearInterval(timer);
}

/** CLOCK_MONOTONIC, in microseconds. */
const monotonicUsec = () => process.hrtime.bigint() / 1000n;

/** Waits for a signal to end; another one ends this process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
