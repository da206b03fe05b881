import { closeSync, openSync, writeSync } from 'node:fs';
import { EmulatorError } from '../errors.ts';
import type { RequestRecord } from '../http/request-record.ts';

/** A file with a line of JSON for each request. */
export interface RequestLog {
  write(request: RequestRecord): void;
  close(): void;
}

/**
 * Opens the file for appending. If a write fails, one process warning is emitted, and the emulator continues without
 * the log.
 *
 * @throws {@link EmulatorError} `ERR_FILE` if it cannot be opened
 */
export function openRequestLog(file: string): RequestLog {
  let descriptor: number | undefined = open(file);
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    write(request) {
      if (descriptor === undefined) return;
      try {
        writeSync(descriptor, `${JSON.stringify(request)}\n`);
      } catch (error) {
        close();
        const reason = (error as Error).message;
        process.emitWarning(`requests are no longer logged to ${file}: ${reason}`);
      }
    },
    close,
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EmulatorError(`cannot write the log ${file}: ${code}`, { code: 'ERR_FILE', cause });
  }
}
