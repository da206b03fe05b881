import { BlockList, isIP } from 'node:net';
import { memoizeByIdentity } from '../memo.ts';
import { expandVariables, matchesPattern, type Variables, type VariableValue } from './pattern.ts';

/** Whether the value of a key matches one of the values in the condition. */
type Test = (wanted: readonly string[], value: string, variables: Variables) => boolean;

/** Whether the value of a key matches one value in the condition. */
type TestOfOne = (wanted: string, value: string, variables: Variables) => boolean;

/**
 * A condition operator (IAM User Guide, "IAM JSON policy elements: Condition operators"): whether a key's value or
 * values, which may be undefined, match any of the values in the condition.
 */
export type Operator = (
  wanted: readonly string[],
  value: VariableValue | undefined,
  variables: Variables,
) => boolean;

const literally: TestOfOne = (wanted, value, variables) =>
  expandVariables(wanted, variables) === value;
const inAnyCase: TestOfOne = (wanted, value, variables) =>
  expandVariables(wanted, variables)?.toLowerCase() === value.toLowerCase();

/** An ARN has six components, and a wildcard does not match across components. */
const asArn: TestOfOne = (wanted, value, variables) => {
  const patterns = arnParts(wanted);
  const parts = arnParts(value);
  return parts.every((part, index) => matchesPattern(patterns[index] ?? '', part, variables));
};

function arnParts(arn: string): readonly string[] {
  const parts = arn.split(':');
  return [0, 1, 2, 3, 4].map((index) => parts[index] ?? '').concat(parts.slice(5).join(':'));
}

/** An address matches a range such as `192.0.2.0/24`, or an equal address. */
const inRange: Test = (wanted, value) =>
  isIP(value) !== 0 && rangesOf(wanted).check(value, family(value));

const rangesOf = memoizeByIdentity((texts: readonly string[]): BlockList => {
  const ranges = new BlockList();
  for (const text of texts.filter(isRange)) {
    const { address, length } = readRange(text);
    ranges.addSubnet(address, length, family(address));
  }
  return ranges;
});

/** Whether a text is an IP address, or a range of them in CIDR notation. */
export function isRange(text: string): boolean {
  const { address, length, bits } = readRange(text);
  return isIP(address) !== 0 && Number.isInteger(length) && length >= 0 && length <= bits;
}

function readRange(text: string): { address: string; length: number; bits: number } {
  const [address = '', prefix] = text.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  return { address, length: prefix === undefined ? bits : Number(prefix), bits };
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** A time is ISO 8601, or seconds since 1970. */
function toTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

const COMPARISONS: Readonly<Record<string, (value: number, wanted: number) => boolean>> = {
  Equals: (value, wanted) => value === wanted,
  LessThan: (value, wanted) => value < wanted,
  LessThanEquals: (value, wanted) => value <= wanted,
  GreaterThan: (value, wanted) => value > wanted,
  GreaterThanEquals: (value, wanted) => value >= wanted,
};

function comparisons(type: string, read: (text: string) => number): [string, Test][] {
  return Object.entries(COMPARISONS).map(([name, compare]) => [
    `${type}${name}`,
    anyOf((wanted, value) => compare(read(value), read(wanted))),
  ]);
}

function anyOf(test: TestOfOne): Test {
  return (wanted, value, variables) => wanted.some((one) => test(one, value, variables));
}

const TESTS: ReadonlyMap<string, Test> = new Map([
  ['StringEquals', anyOf(literally)],
  ['StringEqualsIgnoreCase', anyOf(inAnyCase)],
  ['StringLike', anyOf(matchesPattern)],
  ['ArnEquals', anyOf(asArn)],
  ['ArnLike', anyOf(asArn)],
  ['BinaryEquals', anyOf(literally)],
  ['Bool', anyOf(inAnyCase)],
  ['IpAddress', inRange],
  ...comparisons('Numeric', Number),
  ...comparisons('Date', toTime),
]);

const INVERSES: ReadonlyMap<string, string> = new Map([
  ['StringNotEquals', 'StringEquals'],
  ['StringNotEqualsIgnoreCase', 'StringEqualsIgnoreCase'],
  ['StringNotLike', 'StringLike'],
  ['ArnNotEquals', 'ArnEquals'],
  ['ArnNotLike', 'ArnLike'],
  ['NotIpAddress', 'IpAddress'],
  ['NumericNotEquals', 'NumericEquals'],
  ['DateNotEquals', 'DateEquals'],
]);

const NAME = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

/** Tests for the presence of a value. */
const isNull: Operator = (wanted, value) => wanted.includes(String(value === undefined));

/**
 * The operator of a name such as `StringLike`, `NumericLessThanIfExists`, `ForAnyValue:ArnEquals` or `Null`;
 * undefined if unknown.
 */
export function findOperator(name: string): Operator | undefined {
  if (name === 'Null') return isNull;
  const [, quantifier, plain = '', ifExists] = NAME.exec(name) ?? [];
  const positive = INVERSES.get(plain);
  const test = TESTS.get(positive ?? plain);
  if (test === undefined) return undefined;
  // A negated operator is true if no value matches.
  const isInverse = positive !== undefined;
  const holdsWithoutValue =
    ifExists !== undefined ||
    quantifier === 'ForAllValues' ||
    (isInverse && quantifier === undefined);
  // Without a quantifier, one of several values is enough, and for a negated operator all are needed.
  const isForAll = quantifier === 'ForAllValues' || (quantifier === undefined && isInverse);
  return (wanted, value, variables) => {
    const values = [value ?? []].flat();
    if (values.length === 0) return holdsWithoutValue;
    const holds = (one: string) => test(wanted, one, variables) !== isInverse;
    return isForAll ? values.every(holds) : values.some(holds);
  };
}
