import { isObject } from '../json.ts';
import { memoizeByIdentity } from '../memo.ts';
import { findOperator, type Operator } from './operators.ts';
import type { Variables, VariableValue } from './pattern.ts';

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
  if (!isObject(condition)) return false;
  const values = withLowerCaseNames(variables);
  return testsOf(condition).every(({ operator, wanted, key }) =>
    operator(wanted, values.get(key), variables),
  );
}

/** The test of one key. */
interface Test {
  readonly operator: Operator;
  readonly wanted: readonly string[];
  readonly key: string;
}

const NEVER: Test = { operator: () => false, wanted: [], key: '' };

const testsOf = memoizeByIdentity((condition: object): readonly Test[] => {
  if (conditionDefect(condition) !== undefined) return [NEVER];
  return Object.entries(condition as Readonly<Record<string, Keys>>).flatMap(([name, keys]) =>
    Object.entries(keys).map(([key, given]) => ({
      operator: findOperator(name) ?? NEVER.operator,
      wanted: [given].flat().map(String),
      key: key.toLowerCase(),
    })),
  );
});

const withLowerCaseNames = memoizeByIdentity(
  (variables: Variables): ReadonlyMap<string, VariableValue> =>
    new Map(Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value])),
);

function isValue(value: unknown): boolean {
  return [value].flat().every((one) => ['string', 'number', 'boolean'].includes(typeof one));
}
