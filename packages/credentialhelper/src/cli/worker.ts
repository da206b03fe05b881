import type { Report } from '../process/messages.ts';
import { redirectOutput } from './output.ts';

/** The signals that end a command. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let report: Report | undefined;

/** Whether this process is a worker: it runs a command for its parent process. */
export function isWorker(): boolean {
  return report !== undefined;
}

/**
 * Makes this process a worker: all output goes to its parent process.
 *
 * @param reportToParent - sends the parent a message
 */
export function becomeWorker(reportToParent: Report): void {
  report = reportToParent;
  // Handled between steps only: writes to a token are finished or rolled back before the process exits.
  for (const signal of SIGNALS) process.on(signal, () => process.exit());
  redirectOutput((stream, text) => reportToParent('output', { stream, text }));
}

/** Reports that a library is about to be loaded: failures from here on may be caused by it. */
export function loadsLibrary(): void {
  report?.('usesLibrary', true);
}

/** Prompts the user. In a worker, the deadline of the command is suspended meanwhile. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  report?.('isAsking', true);
  try {
    return await ask();
  } finally {
    report?.('isAsking', false);
  }
}
