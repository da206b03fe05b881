import { isObject } from '../json.ts';
import { findOperator } from './operators.ts';
import type { Variables } from './pattern.ts';

type Keys = Readonly<Record<string, unknown>>;

/** The problem with a statement's condition; undefined if it is valid. */
export function conditionDefect(condition: unknown): string | undefined {
  if (condition === undefined) return undefined;
  if (!isObject(condition)) return 'a condition is not an object';
  for (const [operator, keys] of Object.entries(condition)) {
    if (findOperator(operator) === undefined) {
      return `a condition has the operator ${JSON.stringify(operator)}, which does not exist`;
    }
    if (!isObject(keys)) return `the keys of a condition's ${operator} are not an object`;
    if (!Object.values(keys).every(isValue)) {
      return `the values of a condition's ${operator} are not a string or a list of strings`;
    }
  }
  return undefined;
}

/**
 * Whether a statement's condition is met: every operator, for every key; an invalid condition never is. Names of keys
 * are case-insensitive.
 */
export function conditionHolds(condition: unknown, variables: Variables = {}): boolean {
  if (condition === undefined) return true;
  if (conditionDefect(condition) !== undefined) return false;
  const values = new Map(
    Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return Object.entries(condition as Readonly<Record<string, Keys>>).every(([name, keys]) =>
    Object.entries(keys).every(([key, given]) => {
      const wanted = [given].flat().map(String);
      return findOperator(name)?.(wanted, values.get(key.toLowerCase()), variables);
    }),
  );
}

function isValue(value: unknown): boolean {
  return [value].flat().every((one) => ['string', 'number', 'boolean'].includes(typeof one));
}
