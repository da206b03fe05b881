import { isMap, isNativeError, isUint8Array } from 'node:util/types';
import { ERROR_CODES } from '../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { ProcessRecordChange } from '../pins/records.ts';

// The protocol between a process and its child processes. Other software uses the same IPC channel: programs that
// Node.js preloads, and Node.js itself with --watch. So each message of this package is marked.

/** Messages of a child process before its response. */
export interface Reports {
  /** It is about to load a PKCS#11 library: later failures may be caused by that library. */
  readonly usesLibrary: true;
  /** A warning. */
  readonly warning: string;
  /** A line of the log. */
  readonly debug: string;
  /** A PKCS#11 call. */
  readonly trace: string;
  /** The device certificate that it is about to use, as DER. */
  readonly certificate: Uint8Array;
  /** A change of its PIN records. */
  readonly pin: ProcessRecordChange;
  /** Output of a command. */
  readonly output: { readonly stream: 'stdout' | 'stderr'; readonly text: string };
  /** Whether it waits for a prompt; its timeout is suspended meanwhile. */
  readonly isAsking: boolean;
}

/** Sends one of these messages. */
export type Report = <Kind extends keyof Reports>(kind: Kind, content: Reports[Kind]) => void;

/** Messages of a child process: that it is ready, any number of reports, then a response or an error. */
export type FromChild =
  | { readonly kind: 'ready'; readonly content: { readonly version: string } }
  | {
      [Kind in keyof Reports]: { readonly kind: Kind; readonly content: Reports[Kind] };
    }[keyof Reports]
  | { readonly kind: 'answer'; readonly content: unknown }
  | { readonly kind: 'error'; readonly content: ErrorMessage };

/** Messages to a child process, once it is ready: a request; to a kept one, another request, or that it exits. */
export type ToChild =
  | {
      readonly kind: 'request';
      readonly content: {
        readonly request: unknown;
        /** Timeout for the response, in milliseconds. */
        readonly limitMs: number;
        /** Whether the child waits for another request after a response without an error. */
        readonly isKept: boolean;
      };
    }
  | { readonly kind: 'exit'; readonly content: undefined };

/** An error in a message. `code` is missing for an error that is not of this package: a bug. */
interface ErrorMessage {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

const SENDER = 'awsiot-credentialhelper';

/** Serializes a message as JSON, which every runtime and version can read. */
export function pack(message: FromChild | ToChild): object {
  return { sender: SENDER, message: JSON.stringify(message, packValue) };
}

/** Parses a message; undefined if it is not one of this package. */
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

// Values without a JSON type are objects with one member, whose name begins with `$`. Other objects with such a name,
// such as response headers, are wrapped too.

function packValue(this: Record<string, unknown>, key: string, packed: unknown): unknown {
  // At this point `toJSON()` has already converted buffers.
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
