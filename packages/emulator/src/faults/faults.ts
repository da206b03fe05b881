import { createHash } from 'node:crypto';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';

/** Which server certificate a connection gets instead of the right one. */
export type WrongCertificate = 'other-name' | 'untrusted' | 'expired';

/**
 * Something that goes wrong at the credential provider, and for whom. The first fault that matches a request is the one
 * that happens; where none matches, all is well.
 */
export interface Fault {
  /** Only for requests that name this thing. Not with `serverCertificate`: a handshake names none. */
  readonly thingName?: string;
  /** Only for this many requests that match; then the fault is over. */
  readonly count?: number;
  /** Only for this share of the requests that match: more than 0, up to 1. */
  readonly probability?: number;
  /** Makes the choice by `probability` repeatable. Default 0. */
  readonly seed?: number;

  /** Answers this much later, in milliseconds. */
  readonly delayMs?: number;
  /**
   * `hang`: never answers; `reset`: ends the connection with a TCP reset before the answer; `reset-in-body`: after half
   * of the body; `truncate`: closes in good order after half of the body.
   */
  readonly action?: 'hang' | 'reset' | 'reset-in-body' | 'truncate';
  /** Sends the body this slowly. */
  readonly bytesPerSecond?: number;
  /** Answers this instead. */
  readonly response?: {
    readonly status: number;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** Answers 429 to what comes above this rate. */
  readonly requestsPerSecond?: number;
  /** Shows another server certificate. */
  readonly serverCertificate?: WrongCertificate;
  /** What the server takes the time to be: this much later, in milliseconds. */
  readonly clockOffsetMs?: number;
  /** How long credentials live, in milliseconds, instead of what the role alias says. */
  readonly lifetimeMs?: number;
}

/** The faults that are in force. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  list(): readonly Fault[];
  /** The fault that happens to a request, if any. */
  forRequest(thingName: string | undefined, nowMs: number): Fault | undefined;
  /** The certificate that a new connection gets, if not the right one. */
  forConnection(nowMs: number): WrongCertificate | undefined;
}

/** Opens an empty list of faults. */
export function openFaults(): Faults {
  let entries: Entry[] = [];
  const take = (matches: (fault: Fault) => boolean, nowMs: number) =>
    entries.find((entry) => matches(entry.fault) && happens(entry, nowMs))?.fault;
  return {
    add(fault) {
      entries.push({ fault: checkFault(fault), seen: 0, happened: 0, recent: [] });
    },
    clear() {
      entries = [];
    },
    list: () => entries.map(({ fault }) => fault),
    forRequest: (thingName, nowMs) =>
      take(
        (fault) =>
          fault.serverCertificate === undefined &&
          (fault.thingName === undefined || fault.thingName === thingName),
        nowMs,
      ),
    forConnection: (nowMs) =>
      take((fault) => fault.serverCertificate !== undefined, nowMs)?.serverCertificate,
  };
}

interface Entry {
  readonly fault: Fault;
  seen: number;
  happened: number;
  /** When the requests of the last second came that were let through, in epoch milliseconds. */
  recent: number[];
}

function happens(entry: Entry, nowMs: number): boolean {
  const { count, probability, requestsPerSecond, seed = 0 } = entry.fault;
  if (count !== undefined && entry.happened >= count) return false;
  entry.seen++;
  if (probability !== undefined && chance(seed, entry.seen) >= probability) return false;
  if (requestsPerSecond !== undefined) {
    entry.recent = entry.recent.filter((time) => time > nowMs - 1000);
    if (entry.recent.length < requestsPerSecond) {
      entry.recent.push(nowMs);
      return false;
    }
  }
  entry.happened++;
  return true;
}

/** A number from 0 up to, but not including, 1, the same for the same seed and place. */
function chance(seed: number, place: number): number {
  return createHash('sha256').update(`${seed} ${place}`).digest().readUInt32BE() / 2 ** 32;
}

/**
 * Reads a fault from JSON.
 *
 * @throws {@link EmulatorError} `ERR_FAULT`
 */
export function parseFault(text: string): Fault {
  const value = parseJson(text);
  if (value === undefined) throw invalid('it is not JSON');
  return checkFault(value);
}

/**
 * Checks a fault that came from outside.
 *
 * @throws {@link EmulatorError} `ERR_FAULT`
 */
function checkFault(value: unknown): Fault {
  if (!isObject(value)) throw invalid('it is not an object');
  for (const [name, given] of Object.entries(value)) {
    const check = CHECKS.get(name);
    if (check === undefined) {
      throw invalid(
        `it has an unknown member "${name}"; known are ${[...CHECKS.keys()].join(', ')}`,
      );
    }
    check(given);
  }
  if (value.serverCertificate !== undefined && value.thingName !== undefined) {
    throw invalid('"serverCertificate" cannot depend on the thing: a handshake names none');
  }
  return value;
}

type Check = (value: unknown) => void;

function wholeNumber(name: string, least: number, most: number): [string, Check] {
  return [
    name,
    (value) => {
      if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
      throw invalid(`"${name}" must be a whole number from ${least} to ${most}`);
    },
  ];
}

function oneOf(name: string, values: readonly string[]): [string, Check] {
  return [
    name,
    (value) => {
      if (typeof value === 'string' && values.includes(value)) return;
      throw invalid(`"${name}" must be one of ${values.join(', ')}`);
    },
  ];
}

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['thingName', checkText],
  wholeNumber('count', 1, 1e9),
  ['probability', checkProbability],
  wholeNumber('seed', 0, 2 ** 32),
  wholeNumber('delayMs', 0, 3_600_000),
  oneOf('action', ['hang', 'reset', 'reset-in-body', 'truncate']),
  wholeNumber('bytesPerSecond', 1, 1e9),
  ['response', checkResponse],
  wholeNumber('requestsPerSecond', 1, 1e6),
  oneOf('serverCertificate', ['other-name', 'untrusted', 'expired']),
  wholeNumber('clockOffsetMs', -1e12, 1e12),
  wholeNumber('lifetimeMs', -1e12, 1e12),
]);

function checkText(value: unknown): void {
  if (typeof value !== 'string') throw invalid('"thingName" must be text');
}

function checkProbability(value: unknown): void {
  if (typeof value === 'number' && value > 0 && value <= 1) return;
  throw invalid('"probability" must be more than 0 and at most 1');
}

function checkResponse(value: unknown): void {
  const { status, body, headers = {} } = (value ?? {}) as Record<string, unknown>;
  if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) {
    throw invalid('"response" must have a status from 200 to 599');
  }
  if (body !== undefined && typeof body !== 'string') throw invalid('"response.body" must be text');
  if (typeof headers !== 'object' || headers === null) {
    throw invalid('"response.headers" must be an object');
  }
  for (const [name, text] of Object.entries(headers)) checkHeader(name, text);
}

function checkHeader(name: string, text: unknown): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, text as string);
  } catch (cause) {
    throw new EmulatorError(
      `this is no fault: "response.headers" has a header field that HTTP does not have: ${JSON.stringify(name)}`,
      { code: 'ERR_FAULT', cause },
    );
  }
}

function invalid(problem: string): EmulatorError {
  return new EmulatorError(`this is no fault: ${problem}`, { code: 'ERR_FAULT' });
}
