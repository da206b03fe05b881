import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import type { Holder } from './holder.ts';

/** The content of a lock file: the process that holds the folder, and how other processes reach it. */
export interface LockContent extends Holder {
  /** Different for each lock. */
  readonly token?: string;
  /** Missing until it is ready, and in a process that only applies a change. */
  readonly apiEndpoint?: string;
  /** The bearer token of control requests. */
  readonly controlToken?: string;
}

/** A lock file that was read. */
export interface FoundLock {
  readonly content: LockContent;
  /** Identifies the content. */
  readonly hash: string;
}

const MAX_BYTES = 65_536;

/**
 * Reads a lock file, if there is one.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if it is damaged, or not a file
 */
export function readLock(file: string): FoundLock | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw damaged(file, 'it is not a file');
  if (found.size > MAX_BYTES) throw damaged(file, 'it is too long');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // It was removed meanwhile.
    if (code === 'ENOENT') return undefined;
    throw damaged(file, `${code}`);
  }
  const content = parseJson(text);
  if (!isContent(content)) throw damaged(file, text === '' ? 'it is empty' : 'it names no process');
  return { content, hash: createHash('sha256').update(text).digest('hex').slice(0, 16) };
}

const TEXTS = [
  'token',
  'startTime',
  'bootId',
  'pidNamespace',
  'hostName',
  'socket',
  'apiEndpoint',
  'controlToken',
] as const satisfies readonly (keyof LockContent)[];

function isContent(value: unknown): value is LockContent {
  return (
    isObject(value) &&
    Number.isSafeInteger(value.pid) &&
    Number(value.pid) > 0 &&
    TEXTS.every((name) => value[name] === undefined || typeof value[name] === 'string')
  );
}

function damaged(file: string, reason: string): EmulatorError {
  return new EmulatorError(
    `the lock ${file} is damaged: ${reason}; if no emulator uses the folder, delete it`,
    { code: 'ERR_DIR' },
  );
}
