import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { EmulatorError } from '../errors.ts';
import type { RequestRecord } from '../http/request-record.ts';
import { toPrintableJson } from '../json.ts';

/** A file with a line of JSON for each request. */
export interface RequestLog {
  write(request: RequestRecord): void;
  close(): void;
}

/** The longest log, in bytes: 16 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Opens the file for appending. When it is full, it is renamed to `FILE.1`, in the place of the one before, and a new
 * one is begun. If a write fails, one process warning is emitted, and the emulator continues without the log.
 *
 * @throws {@link EmulatorError} `ERR_FILE` if it cannot be opened
 */
export function openRequestLog(file: string): RequestLog {
  let descriptor: number | undefined = open(file);
  // A pipe or a terminal has no length.
  const { size, isRegular } = measure(descriptor);
  let length = size;
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  const begin = () => {
    renameSync(file, `${file}.1`);
    close();
    length = 0;
    return open(file);
  };
  return {
    write(request) {
      if (descriptor === undefined) return;
      try {
        const line = Buffer.from(`${toPrintableJson(request)}\n`);
        if (isRegular && length + line.length > MAX_BYTES) descriptor = begin();
        writeSync(descriptor, line);
        length += line.length;
      } catch (error) {
        close();
        const reason = (error as Error).message;
        process.emitWarning(`requests are no longer logged to ${file}: ${reason}`);
      }
    },
    close,
  };
}

function measure(descriptor: number): { size: number; isRegular: boolean } {
  const found = fstatSync(descriptor);
  return { size: found.size, isRegular: found.isFile() };
}

function open(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EmulatorError(`cannot write the log ${file}: ${code}`, { code: 'ERR_FILE', cause });
  }
}
