import type { Tell } from '../process/messages.ts';
import { redirectOutput } from './output.ts';

/** What ends a command from outside. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let tell: Tell | undefined;

/** Whether this process is a worker: one that does the work of a command for the process that started it. */
export function isWorker(): boolean {
  return tell !== undefined;
}

/**
 * Makes this process a worker: all output goes to the process that started it.
 *
 * @param tellParent - tells that process something
 */
export function becomeWorker(tellParent: Tell): void {
  tell = tellParent;
  // Handled between steps only: what is written to a token is finished, or taken back, before the process ends.
  for (const signal of SIGNALS) process.on(signal, () => process.exit());
  redirectOutput((stream, text) => tellParent('output', { stream, text }));
}

/** Says that a library is going to be loaded: what goes wrong from here on may be that library's doing. */
export function loadsLibrary(): void {
  tell?.('usesLibrary', true);
}

/** Asks a person something. In a worker, the command's deadline stands still meanwhile. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  tell?.('isAsking', true);
  try {
    return await ask();
  } finally {
    tell?.('isAsking', false);
  }
}
