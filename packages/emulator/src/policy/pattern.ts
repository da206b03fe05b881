import { memoize } from '../memo.ts';
import { findRun, matchesAt, type Run, runLength } from './run.ts';

/** Values of policy variables by name; missing names have no value. */
export type Variables = Readonly<Record<string, string>>;

// No name is longer; without the limit, each of many `${` would scan to the end of the text.
const VARIABLE = /\$\{([^{}$]{0,253})\}/;
const MAX_PATTERNS = 1000;

/**
 * Whether a value matches a pattern of a policy: `*` is any text, `?` any one character, and `${name}` the value of a
 * policy variable, in which no character is a wildcard. A pattern with a variable that has no value matches nothing.
 *
 * What is between two `*` is searched for once, behind what was found before it: no pattern takes long.
 */
export function matchesPattern(pattern: string, value: string, variables: Variables = {}): boolean {
  const runs = pattern.includes('${')
    ? readRuns(pattern, variables)
    : runsWithoutVariables(pattern);
  if (runs === undefined) return false;
  const [first = [''], ...others] = runs;
  const last = others.pop();
  if (last === undefined) return runLength(first) === value.length && matchesAt(first, value, 0);
  const end = value.length - runLength(last);
  let position = runLength(first);
  const hasEnds = position <= end && matchesAt(first, value, 0) && matchesAt(last, value, end);
  return (
    hasEnds &&
    others.every((run) => {
      const found = findRun(run, value, position);
      position = found + runLength(run);
      return found >= 0 && position <= end;
    })
  );
}

/** A text with its policy variables replaced; undefined if one has no value. */
export function expandVariables(text: string, variables: Variables): string | undefined {
  return readParts(text, variables)
    ?.map((part) => part.text)
    .join('');
}

const runsWithoutVariables = memoize(MAX_PATTERNS, (pattern) => readRuns(pattern, {}) ?? []);

/** Returns what is before, between and after the `*` of a pattern. */
function readRuns(pattern: string, variables: Variables): readonly Run[] | undefined {
  const parts = readParts(pattern, variables);
  if (parts === undefined) return undefined;
  let run = [''];
  const runs = [run];
  for (const { text, isValue } of parts) {
    for (const [index, between] of (isValue ? [text] : text.split('*')).entries()) {
      if (index > 0) {
        run = [''];
        runs.push(run);
      }
      const [continued = '', ...pieces] = isValue ? [between] : between.split('?');
      run.push(run.pop() + continued, ...pieces);
    }
  }
  return runs;
}

/** A literal part of a text, or the value of a variable. */
interface Part {
  readonly text: string;
  readonly isValue: boolean;
}

function readParts(text: string, variables: Variables): readonly Part[] | undefined {
  const parts: Part[] = [];
  // Every second part is the name of a variable.
  for (const [index, found] of text.split(VARIABLE).entries()) {
    const isValue = index % 2 === 1;
    const part = isValue ? variableValue(found, variables) : found;
    if (part === undefined) return undefined;
    parts.push({ text: part, isValue });
  }
  return parts;
}

/** AWS IoT does not replace the variable of a certificate whose value has one of these characters. */
function isReplaced(name: string, value: string): boolean {
  return !name.startsWith('iot:Certificate.') || !/[*$+?#]/.test(value);
}

function variableValue(name: string, variables: Variables): string | undefined {
  if (name === '*' || name === '?' || name === '$') return name;
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  return value !== undefined && isReplaced(name, value) ? value : undefined;
}
