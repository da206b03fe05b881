import { validateHeaderName, validateHeaderValue } from 'node:http';
import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';

/**
 * Which server certificate a connection gets instead of the valid one: `other-name` is for another host name,
 * `untrusted` is not issued by the emulator's CA, `expired` is no longer valid.
 */
export type WrongCertificate = 'other-name' | 'untrusted' | 'expired';

/** A fatal TLS alert, as named in RFC 8446, section 6. */
export type TlsAlert =
  | 'handshake_failure'
  | 'bad_certificate'
  | 'unknown_ca'
  | 'protocol_version'
  | 'internal_error';

/**
 * A fault of the credential provider, and the requests that it applies to. Only the first matching fault is applied
 * to a request.
 *
 * `connection`, `tlsAlert` and `serverCertificate` are faults of a connection: `count` and `probability` are those of
 * connections, there is no record of a request, and `thingName` is invalid, as a handshake names no thing.
 */
export interface Fault {
  /** Only for requests that name this thing. Default: any. */
  readonly thingName?: string;
  /** Maximum number of matching requests, 1 to 1e9. Default: no limit. */
  readonly count?: number;
  /** Probability that a matching request is affected: more than 0, up to 1. Default 1. */
  readonly probability?: number;
  /** Seed for `probability`, which makes it repeatable: a whole number, 0 to 2^32. Default 0. */
  readonly seed?: number;

  /** Delay of the response, in milliseconds: 0 to 3 600 000. Default 0. */
  readonly delayMs?: number;
  /**
   * `hang`: never responds; `reset`: ends the connection with a TCP reset before the response; `reset-in-body`: after
   * half of the body; `truncate`: closes the connection cleanly after half of the body. Default: none of these.
   */
  readonly action?: 'hang' | 'reset' | 'reset-in-body' | 'truncate';
  /**
   * Limits the rate of the body, in bytes per second: 1 to 1e9. The header is sent at once. Default: no limit.
   */
  readonly bytesPerSecond?: number;
  /** Sends this response instead of the real one. */
  readonly response?: {
    /** The HTTP status, 200 to 599. */
    readonly status: number;
    /** Default: empty. */
    readonly body?: string;
    /** Header fields by name. Default: the content type of JSON. */
    readonly headers?: Readonly<Record<string, string>>;
  };
  /**
   * Responds with status 429, without `Retry-After`, to requests above this rate: 1 to 1e6. Default: no limit. For a
   * response with `Retry-After` use `response`: `{ status: 429, headers: { 'retry-after': '60' } }`.
   */
  readonly requestsPerSecond?: number;
  /**
   * `refuse`: the port is closed until the fault is removed, and new connections are refused; `count` and
   * `probability` are invalid, as refused connections are not seen. `no-handshake`: connections are accepted, and the
   * TLS handshake is never answered. Default: none of these.
   */
  readonly connection?: 'refuse' | 'no-handshake';
  /** Answers the TLS handshake with this alert, in place of the server's first message. Default: none. */
  readonly tlsAlert?: TlsAlert;
  /** Uses another server certificate in the handshake. Default: the valid one. */
  readonly serverCertificate?: WrongCertificate;
  /** Shifts the server's clock, in milliseconds: -1e12 to 1e12. Default 0. */
  readonly clockOffsetMs?: number;
  /**
   * Lifetime of credentials, in milliseconds: -1e12 to 1e12; a negative number issues expired credentials. Default:
   * that of the role alias.
   */
  readonly lifetimeMs?: number;
}

/**
 * Parses a fault from JSON.
 *
 * @throws {@link EmulatorError} `ERR_FAULT`
 */
export function parseFault(text: string): Fault {
  const value = parseJson(text);
  if (value === undefined) throw invalid('it is not JSON');
  return checkFault(value);
}

/**
 * Validates an external fault.
 *
 * @throws {@link EmulatorError} `ERR_FAULT`
 */
export function checkFault(value: unknown): Fault {
  if (!isObject(value)) throw invalid('it is not an object');
  for (const [name, given] of Object.entries(value)) {
    const check = CHECKS.get(name);
    if (check === undefined) {
      throw invalid(
        `it has an unknown member "${name}"; expected one of ${[...CHECKS.keys()].join(', ')}`,
      );
    }
    check(given);
  }
  if (!EFFECTS.some((name) => value[name] !== undefined)) {
    throw invalid(`it has no effect; expected one of ${EFFECTS.join(', ')}`);
  }
  const [ofConnection] = CONNECTION_MEMBERS.filter((name) => value[name] !== undefined);
  if (ofConnection !== undefined && value.thingName !== undefined) {
    throw invalid(`"${ofConnection}" cannot depend on the thing: a handshake names none`);
  }
  const { connection, count, probability } = value;
  if (connection === 'refuse' && (count ?? probability) !== undefined) {
    throw invalid(
      'refused connections are not seen: neither "count" nor "probability" is possible',
    );
  }
  return value;
}

const CONNECTION_MEMBERS = ['connection', 'tlsAlert', 'serverCertificate'] as const;

/** Returns whether a fault is one of connections; others are of requests. */
export function isOfConnection(fault: Fault): boolean {
  return CONNECTION_MEMBERS.some((name) => fault[name] !== undefined);
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
  oneOf('connection', ['refuse', 'no-handshake']),
  oneOf('tlsAlert', [
    'handshake_failure',
    'bad_certificate',
    'unknown_ca',
    'protocol_version',
    'internal_error',
  ]),
  oneOf('serverCertificate', ['other-name', 'untrusted', 'expired']),
  wholeNumber('clockOffsetMs', -1e12, 1e12),
  wholeNumber('lifetimeMs', -1e12, 1e12),
]);

/** The members that do something; the others limit what it is done to. */
const EFFECTS: readonly string[] = [...CHECKS.keys()].filter(
  (name) => !['thingName', 'count', 'probability', 'seed'].includes(name),
);

function checkText(value: unknown): void {
  if (typeof value !== 'string') throw invalid('"thingName" must be a string');
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
  if (body !== undefined && typeof body !== 'string')
    throw invalid('"response.body" must be a string');
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
      `invalid fault: "response.headers" has an invalid header field: ${JSON.stringify(name)}`,
      { code: 'ERR_FAULT', cause },
    );
  }
}

function invalid(problem: string): EmulatorError {
  return new EmulatorError(`invalid fault: ${problem}`, { code: 'ERR_FAULT' });
}
