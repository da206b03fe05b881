import { redirectOutput } from './output.ts';

/** Says, in the environment of a process, that it is a worker. */
export const WORKER_MARK = 'AWSIOT_CREDENTIALHELPER_WORKER';

/** What ends a command from outside. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a worker sends to the process that started it: output, when it waits for a person, and its exit status. */
export type WorkerMessage =
  | { readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly isAsking: boolean }
  | { readonly status: number };

/** Whether this process is a worker: one that does the work of a command for the process that started it. */
export function isWorker(): boolean {
  return process.send !== undefined && process.env[WORKER_MARK] === '1';
}

/** Asks a person something. In a worker, the command's deadline stands still meanwhile. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  const tell = (isAsking: boolean) => {
    if (isWorker()) process.send?.({ isAsking } satisfies WorkerMessage);
  };
  tell(true);
  try {
    return await ask();
  } finally {
    tell(false);
  }
}

/**
 * Where this process is a worker, sends all output to the process that started it.
 *
 * @returns what is to be called with the exit status; undefined where it is no worker
 */
export function becomeWorker(): ((status: number) => void) | undefined {
  if (!isWorker()) return undefined;
  const send = (message: WorkerMessage) => process.send?.(message);
  process.once('disconnect', () => process.exit());
  // Handled between steps only: what is written to a token is finished, or taken back, before the process ends.
  for (const signal of SIGNALS) process.on(signal, () => process.exit());
  redirectOutput((stream, text) => send({ stream, text }));
  return (status) => {
    process.send?.({ status } satisfies WorkerMessage, () => process.exit());
  };
}
