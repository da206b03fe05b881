import { isMap, isNativeError, isUint8Array } from 'node:util/types';
import { ERROR_CODES } from '../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { ProcessRecordsState } from '../pins/records.ts';

// The one protocol between a process and the child processes that it starts. Other software uses the same channel: a
// program that Node.js preloads, and Node.js itself under --watch. So each message of ours says that it is one.

/** What a child process may tell before it answers. */
export interface Told {
  /** It loads a PKCS#11 library now: what goes wrong from here on may be that library's doing. */
  readonly usesLibrary: true;
  /** What does not stop the work. */
  readonly warning: string;
  /** A PKCS#11 call. */
  readonly trace: string;
  /** The device certificate that it is about to use, in DER form. */
  readonly certificate: Uint8Array;
  /** What it now knows of PINs. */
  readonly pins: ProcessRecordsState;
  /** What a command prints. */
  readonly output: { readonly stream: 'stdout' | 'stderr'; readonly text: string };
  /** Whether it waits for a person; its time limit stands still meanwhile. */
  readonly isAsking: boolean;
}

/** Tells one of these things. */
export type Tell = <Kind extends keyof Told>(kind: Kind, content: Told[Kind]) => void;

/**
 * What a child process sends: that it is ready, any number of things that it tells, then an answer or an error.
 */
export type FromChild =
  | { readonly kind: 'ready'; readonly content: { readonly version: string } }
  | { [Kind in keyof Told]: { readonly kind: Kind; readonly content: Told[Kind] } }[keyof Told]
  | { readonly kind: 'answer'; readonly content: unknown }
  | { readonly kind: 'error'; readonly content: ErrorMessage };

/** What it is sent, once it is ready. */
export interface ToChild {
  readonly kind: 'request';
  readonly content: {
    readonly request: unknown;
    /** How long it may take to answer, in milliseconds. */
    readonly limitMs: number;
  };
}

/** An error as it goes over the channel. `code` is missing where it is none of ours: a defect. */
interface ErrorMessage {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

const SENDER = 'awsiot-credentialhelper';

/** Brings a message into the form in which it goes over the channel: JSON, which every runtime and version reads. */
export function pack(message: FromChild | ToChild): object {
  return { sender: SENDER, message: JSON.stringify(message, packValue) };
}

/** Reads a message from the channel; undefined where it is none of ours. */
export function unpack<Message extends FromChild | ToChild>(value: unknown): Message | undefined {
  const { sender, message } = (value ?? {}) as { sender?: unknown; message?: unknown };
  if (sender !== SENDER || typeof message !== 'string') return undefined;
  try {
    const unpacked = JSON.parse(message, unpackValue);
    return typeof unpacked?.kind === 'string' ? unpacked : undefined;
  } catch {
    return undefined;
  }
}

// What JSON has not is an object with one member, whose name begins with `$`. So is any other object with such a name,
// as the header fields of a response may be.

function packValue(this: Record<string, unknown>, key: string, packed: unknown): unknown {
  // Buffers have become something else by now.
  const value = this[key];
  if (isUint8Array(value)) return { $bytes: Buffer.from(value).toString('base64') };
  if (isMap(value)) return { $map: [...value] };
  if (typeof packed !== 'object' || packed === null) return packed;
  const members = Object.entries(packed);
  return members.some(([name]) => name.startsWith('$')) ? { $object: members } : packed;
}

function unpackValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$bytes' in value) return Buffer.from(String(value.$bytes), 'base64');
  if ('$map' in value) return new Map(value.$map as [unknown, unknown][]);
  if ('$object' in value) return Object.fromEntries(value.$object as [string, unknown][]);
  return value;
}

export function packError(error: unknown): ErrorMessage {
  if (isCredentialHelperError(error)) {
    const { code, message, hint } = error;
    return { code, message, hint };
  }
  const message = isNativeError(error) ? `${error.name}: ${error.message}` : String(error);
  return { code: undefined, message, hint: undefined };
}

export function unpackError({ code, message, hint }: ErrorMessage): CredentialHelperError {
  if (code !== undefined && Object.hasOwn(ERROR_CODES, code)) {
    return new CredentialHelperError(message, { code: code as keyof typeof ERROR_CODES, hint });
  }
  return new CredentialHelperError(`the child process failed: ${message}`, {
    code: 'ERR_CHILD_PROGRAM',
    hint: 'this is a bug in this package, or in a program that Node.js preloads: please report it',
  });
}
