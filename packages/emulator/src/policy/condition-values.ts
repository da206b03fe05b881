import type { Condition } from './grammar.ts';
import { isRange } from './operators.ts';

const MAX_SECONDS = 2n ** 63n - 1n;
const OPERATOR = /^(?:[A-Za-z]+:)?(?:Not)?(Date|Numeric|IpAddress)/;

/**
 * Whether the values of a condition can be read by their operators: as dates, numbers and addresses. All others
 * compare texts.
 */
export function hasConditionValues(condition: Condition = {}): boolean {
  return Object.entries(condition).every(([operator, keys]) => {
    const type = OPERATOR.exec(operator)?.[1];
    const values = Object.values(keys).flat().map(String);
    if (type === 'Date') return values.every(isDate);
    if (type === 'Numeric') return values.every((value) => /^[+-]?\d+(?:\.\d+)?$/.test(value));
    return type !== 'IpAddress' || values.every(isRange);
  });
}

/** ISO 8601, of which parts can be missing; only the zone has a fixed number of digits. */
const DATE =
  /^(-?\d+)(?:-(\d+)(?:-(\d+))?)?(?:t(?:(\d+)(?::(\d+)(?::(\d+)(?:\.(\d+))?)?)?(?:z|[+-](\d\d)(?::?(\d\d))?)?)?)?$/i;

/** The ranges of its parts: year, month, day, hour, minute, second, nanoseconds, and hour and minute of the zone. */
const RANGES = [
  [-292_275_054, 292_278_993],
  [1, 12],
  [1, 31],
  [0, 23],
  [0, 59],
  [0, 59],
  [0, 999_999_999],
  [0, 23],
  [0, 59],
] as const;

/** Whether a text is a date in a policy: ISO 8601, or seconds since 1970. */
export function isDate(text: string): boolean {
  if (/^\d+$/.test(text)) return BigInt(text) <= MAX_SECONDS;
  const [, ...parts] = DATE.exec(text) ?? [];
  return (
    parts.length > 0 &&
    RANGES.every(([least, most], index) => {
      const part = parts[index];
      return part === undefined || (Number(part) >= least && Number(part) <= most);
    })
  );
}
