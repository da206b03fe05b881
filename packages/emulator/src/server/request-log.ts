import { closeSync, openSync, writeSync } from 'node:fs';
import { EmulatorError } from '../errors.ts';
import type { RequestRecord } from '../http/request-record.ts';

/** A file that has a line of JSON for each request. */
export interface RequestLog {
  write(request: RequestRecord): void;
  close(): void;
}

/**
 * Opens the file, and adds to what is in it. Where it cannot be written any more, a process warning says so once, and the
 * emulator goes on without it.
 *
 * @throws {@link EmulatorError} `ERR_FILE` where it cannot be opened
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
