import { expandVariables, matchesPattern, type Variables } from './pattern.ts';

type Test = (wanted: string, value: string, variables: Variables) => boolean;

const literally: Test = (wanted, value, variables) => expandVariables(wanted, variables) === value;
const inAnyCase: Test = (wanted, value, variables) =>
  expandVariables(wanted, variables)?.toLowerCase() === value.toLowerCase();

/** An ARN has six parts, and a wildcard does not reach beyond its part. */
const asArn: Test = (wanted, value, variables) => {
  const patterns = arnParts(wanted);
  const parts = arnParts(value);
  return parts.every((part, index) => matchesPattern(patterns[index] ?? '', part, variables));
};

function arnParts(arn: string): readonly string[] {
  const parts = arn.split(':');
  return [0, 1, 2, 3, 4].map((index) => parts[index] ?? '').concat(parts.slice(5).join(':'));
}

/** Operators by name: what one wanted value means, and whether none may hold instead of one. */
const OPERATORS: Readonly<Record<string, { readonly test: Test; readonly isInverse: boolean }>> = {
  StringEquals: { test: literally, isInverse: false },
  StringNotEquals: { test: literally, isInverse: true },
  StringEqualsIgnoreCase: { test: inAnyCase, isInverse: false },
  StringNotEqualsIgnoreCase: { test: inAnyCase, isInverse: true },
  StringLike: { test: matchesPattern, isInverse: false },
  StringNotLike: { test: matchesPattern, isInverse: true },
  ArnEquals: { test: asArn, isInverse: false },
  ArnLike: { test: asArn, isInverse: false },
  ArnNotEquals: { test: asArn, isInverse: true },
  ArnNotLike: { test: asArn, isInverse: true },
  Bool: { test: inAnyCase, isInverse: false },
};

/**
 * Whether a statement's condition holds: every operator, for every key. A key without a value fails what wants one; an
 * operator that is not known holds never. The names of keys are not told apart by the case of their letters.
 */
export function conditionHolds(condition: unknown, variables: Variables = {}): boolean {
  if (condition === undefined) return true;
  if (!isObject(condition)) return false;
  const values = new Map(
    Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return Object.entries(condition).every(([operator, keys]) => {
    const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
    if (known === undefined || !isObject(keys)) return false;
    return Object.entries(keys).every(([key, wanted]) => {
      const value = values.get(key.toLowerCase());
      if (value === undefined) return known.isInverse;
      const isFound = [wanted].flat().some((one) => known.test(String(one), value, variables));
      return isFound !== known.isInverse;
    });
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
