import { memoize } from '../memo.ts';
import {
  ANY_CHARACTER,
  endOfMatch,
  findRun,
  type Run,
  runLength,
  type Variables,
  variableKey,
  variableValue,
} from './run.ts';

export type { Variables, VariableValue } from './run.ts';

/** A pattern of a policy: what is before, between and after its `*`. */
export type Pattern = readonly Run[];

// No name is longer; without the limit, each of many `${` would scan to the end of the text.
const VARIABLE = /\$\{(\$|[^{}$]{0,253})\}/;
const MAX_PATTERNS = 1000;

/**
 * Parses a pattern: `*` is any text, `?` any one character, and `${name}` the value of a policy variable, in which no
 * character is a wildcard; `${*}`, `${?}` and `${$}` are the characters.
 */
export function parsePattern(text: string): Pattern {
  const runs: Run[number][][] = [];
  let run: Run[number][] = [];
  // Every second part is the name of a variable.
  for (const [index, part] of text.split(VARIABLE).entries()) {
    if (index % 2 === 1) {
      run.push(toVariable(part));
      continue;
    }
    const [first = '', ...others] = part.split('*');
    addTexts(run, first);
    for (const other of others) {
      runs.push(run);
      run = [];
      addTexts(run, other);
    }
  }
  return [...runs, run];
}

/** Adds a text without `*` to a run. */
function addTexts(run: Run[number][], text: string): void {
  const [first = '', ...others] = text.split('?');
  if (first !== '') run.push(first);
  for (const other of others) {
    run.push(ANY_CHARACTER);
    if (other !== '') run.push(other);
  }
}

function toVariable(name: string): Run[number] {
  return isCharacter(name) ? name : { name };
}

/**
 * Whether a value matches a pattern. A pattern with a variable that has no value matches nothing.
 *
 * What is between two `*` is searched for once, behind what was found before it: no pattern takes long.
 */
export function matches(pattern: Pattern, value: string, variables: Variables): boolean {
  const first = pattern[0] ?? [];
  const last = pattern.at(-1) ?? [];
  // Most patterns of a policy begin as the value does.
  const tail = last.at(-1);
  if (typeof tail === 'string' && !value.endsWith(tail)) return false;
  let position = endOfMatch(first, value, 0, variables);
  if (pattern.length === 1) return position === value.length;
  const end = value.length - runLength(last, variables);
  if (position < 0 || position > end || endOfMatch(last, value, end, variables) < 0) return false;
  return pattern.slice(1, -1).every((run) => {
    position = findRun(run, value, position, variables);
    return position >= 0 && position <= end;
  });
}

/** Whether a value matches a pattern: {@link parsePattern} and {@link matches}. */
export function matchesPattern(pattern: string, value: string, variables: Variables = {}): boolean {
  return matches(parsed(pattern), value, variables);
}

const parsed = memoize(MAX_PATTERNS, parsePattern);

/** A text with its policy variables replaced; undefined if one has no value. */
export function expandVariables(text: string, variables: Variables): string | undefined {
  let isComplete = true;
  const parts = text.split(VARIABLE).map((part, index) => {
    if (index % 2 === 0 || isCharacter(part)) return part;
    const value = variableValue(part, variables);
    isComplete &&= value !== undefined;
    return value;
  });
  return isComplete ? parts.join('') : undefined;
}

/** Returns the condition keys that are policy variables in a text. */
export function variableKeys(text: string): readonly string[] {
  const parts = text.split(VARIABLE);
  return parts.filter((part, index) => index % 2 === 1 && !isCharacter(part)).map(variableKey);
}

function isCharacter(name: string): boolean {
  return name === '*' || name === '?' || name === '$';
}
