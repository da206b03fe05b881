import { EmulatorError } from '../../errors.ts';
import { parseJson } from '../../json.ts';

/** The query of a control request. */
export type Query = Readonly<Record<string, string | string[]>>;

/**
 * Reads a whole number in a query.
 *
 * @throws {@link EmulatorError} `InvalidRequestException`
 */
export function readNumber(
  query: Query,
  name: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER, fallback }: NumberLimits,
): number {
  const text = readText(query, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw invalid(`"${name}" must be a whole number from ${least} to ${most}`);
}

/** The limits of a number, and the one that is used if the query has none. */
export interface NumberLimits {
  /** Default 0. */
  readonly least?: number;
  /** Default: the largest safe integer. */
  readonly most?: number;
  readonly fallback: number;
}

/**
 * Reads a text in a query; undefined if it is missing.
 *
 * @throws {@link EmulatorError} `InvalidRequestException`
 */
export function readText(query: Query, name: string): string | undefined {
  const value = Object.hasOwn(query, name) ? query[name] : undefined;
  if (Array.isArray(value)) throw invalid(`"${name}" occurs more than once`);
  return value;
}

/**
 * Parses the body of a control request; `{}` if it is empty.
 *
 * @throws {@link EmulatorError} `ERR_FAULT`
 */
export function readBody(body: Buffer): unknown {
  const value = body.length === 0 ? {} : parseJson(body.toString('utf8'));
  if (value !== undefined) return value;
  throw new EmulatorError('the body is not JSON', { code: 'ERR_FAULT' });
}

function invalid(message: string): EmulatorError {
  return new EmulatorError(message, { code: 'InvalidRequestException' });
}
