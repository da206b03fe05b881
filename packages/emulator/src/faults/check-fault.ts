import { validateHeaderName, validateHeaderValue } from 'node:http';
import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import { CONNECTION_MEMBERS, type Fault, SELECTION } from './fault.ts';

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
    if (given !== undefined) check(given);
  }
  if (!EFFECTS.some((name) => value[name] !== undefined)) {
    throw invalid(`it has no effect; expected one of ${EFFECTS.join(', ')}`);
  }
  const [ofConnection] = CONNECTION_MEMBERS.filter((name) => value[name] !== undefined);
  if (ofConnection !== undefined && value.thingName !== undefined) {
    throw invalid(`"${ofConnection}" cannot depend on the thing: a handshake names none`);
  }
  const { service, connection, count, probability } = value;
  const [foreign] = PROVIDER_MEMBERS.filter((name) => value[name] !== undefined);
  if (service !== undefined && foreign !== undefined) {
    throw invalid(`"${foreign}" is for the credential provider, not for the service "${service}"`);
  }
  if (connection === 'refuse' && (count ?? probability) !== undefined) {
    throw invalid(
      'refused connections are not seen: neither "count" nor "probability" is possible',
    );
  }
  return { ...value };
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
  oneOf('service', ['iot', 'iam', 'sts']),
  ['thingName', checkText],
  wholeNumber('count', 1, 1e9),
  ['probability', checkProbability],
  wholeNumber('seed', 0, 2 ** 32),
  wholeNumber('delayMs', 0, 3_600_000),
  oneOf('action', ['hang', 'reset', 'reset-in-body', 'truncate']),
  wholeNumber('bytesPerSecond', 1, 1e9),
  ['response', checkResponse],
  ['requestsPerSecond', checkRate],
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
const EFFECTS: readonly string[] = [...CHECKS.keys()].filter((name) => !SELECTION.has(name));

/** What only the credential provider has. */
const PROVIDER_MEMBERS = [
  'thingName',
  'connection',
  'tlsAlert',
  'serverCertificate',
  'clockOffsetMs',
  'lifetimeMs',
] as const;

function checkText(value: unknown): void {
  if (typeof value !== 'string') throw invalid('"thingName" must be a string');
}

function checkProbability(value: unknown): void {
  if (typeof value === 'number' && value > 0 && value <= 1) return;
  throw invalid('"probability" must be more than 0 and at most 1');
}

function checkRate(value: unknown): void {
  if (typeof value === 'number' && value >= 0.001 && value <= 1e6) return;
  throw invalid('"requestsPerSecond" must be a number from 0.001 to 1000000');
}

const RESPONSE_MEMBERS = ['status', 'body', 'headers', 'errorCode', 'message'];

function checkResponse(value: unknown): void {
  if (!isObject(value)) throw invalid('"response" must be an object');
  const unknown = Object.keys(value).find((name) => !RESPONSE_MEMBERS.includes(name));
  if (unknown !== undefined) {
    throw invalid(
      `"response" has an unknown member "${unknown}"; expected one of ${RESPONSE_MEMBERS.join(', ')}`,
    );
  }
  checkError(value);
  const { status, body, headers = {} } = value;
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

function checkError({
  errorCode,
  message,
  body,
  headers,
}: Readonly<Record<string, unknown>>): void {
  if (message !== undefined && (typeof message !== 'string' || errorCode === undefined)) {
    throw invalid('"response.message" must be a string, with "response.errorCode"');
  }
  if (errorCode === undefined) return;
  if (typeof errorCode !== 'string' || !/^[A-Za-z][\w.]{0,127}$/.test(errorCode)) {
    throw invalid('"response.errorCode" must be the name of an error');
  }
  if ((body ?? headers) !== undefined) {
    throw invalid('"response.errorCode" excludes "response.body" and "response.headers"');
  }
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
