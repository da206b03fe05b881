/** The value of a policy variable; a list is the value of a key that has several. */
export type VariableValue = string | readonly string[];

/** Values of policy variables by name; missing names have no value. */
export type Variables = Readonly<Record<string, VariableValue>>;

/** The wildcard `?`. */
export const ANY_CHARACTER: unique symbol = Symbol('?');

/** What is between two `*` of a pattern: texts, policy variables and wildcards for one character. */
export type Run = readonly (string | { readonly name: string } | typeof ANY_CHARACTER)[];

/** The length of the texts that a run matches; infinite if a variable has no value. */
export function runLength(run: Run, variables: Variables): number {
  let length = 0;
  for (const token of run) {
    length += token === ANY_CHARACTER ? 1 : (textOf(token, variables)?.length ?? Infinity);
  }
  return length;
}

/** Returns where the match of a run at a position of a text ends; -1 if it does not match. */
export function endOfMatch(run: Run, text: string, position: number, variables: Variables): number {
  let end = position;
  for (const token of run) {
    const expected = token === ANY_CHARACTER ? text[end] : textOf(token, variables);
    if (expected === undefined || !text.startsWith(expected, end)) return -1;
    end += expected.length;
  }
  return end;
}

/** V8 searches for at most so many characters in linear time. */
const MAX_LITERAL = 250;

/** Returns where the first match of a run, from a position of a text on, ends; -1 if there is none. */
export function findRun(run: Run, text: string, position: number, variables: Variables): number {
  const length = runLength(run, variables);
  if (position + length > text.length) return -1;
  if (run.includes(ANY_CHARACTER) || length > MAX_LITERAL) {
    return findByBits(run, { text, position, length, variables });
  }
  const literal = run.map((token) => token !== ANY_CHARACTER && textOf(token, variables)).join('');
  const found = text.indexOf(literal, position);
  return found < 0 ? -1 : found + length;
}

function textOf(
  token: string | { readonly name: string },
  variables: Variables,
): string | undefined {
  return typeof token === 'string' ? token : variableValue(token.name, variables);
}

const WITH_DEFAULT = /^(.*?), '(.*)'$/;

/** Returns the condition key that a policy variable is, without a default value: `${aws:username, 'nobody'}`. */
export function variableKey(name: string): string {
  return WITH_DEFAULT.exec(name)?.[1] ?? name;
}

/**
 * Returns the value of a policy variable in a pattern, or else its default value; undefined if it has none, or one that
 * is not replaced.
 */
export function variableValue(name: string, variables: Variables): string | undefined {
  const value = variables[variableKey(name)];
  // Nor is a list replaced; and what every object has, such as `constructor`, is not a string.
  if (typeof value === 'string') return isReplaced(name, value) ? value : undefined;
  return WITH_DEFAULT.exec(name)?.[2];
}

/** AWS IoT does not replace the variable of a certificate whose value has one of these characters. */
function isReplaced(name: string, value: string): boolean {
  return !name.startsWith('iot:Certificate.') || !/[*$+?#]/.test(value);
}

interface Search {
  readonly text: string;
  readonly position: number;
  /** The length of the run. */
  readonly length: number;
  readonly variables: Variables;
}

const WORD = 32;

/**
 * Searches with one bit for each character of the run ("Shift-And"; Baeza-Yates and Gonnet, 1992): a bit is set if the
 * run matches up to this character. Each character of the text is read once.
 */
function findByBits(run: Run, { text, position, length, variables }: Search): number {
  const { masks, wildcards } = readMasks(run, length, variables);
  const state = new Uint32Array(wildcards.length);
  for (let at = position; at < text.length; at++) {
    const mask = masks.get(text[at] ?? '') ?? wildcards;
    let carry = 1;
    for (let word = 0; word < state.length; word++) {
      const bits = state[word] ?? 0;
      state[word] = ((bits << 1) | carry) & (mask[word] ?? 0);
      carry = bits >>> (WORD - 1);
    }
    if (((state.at(-1) ?? 0) >>> ((length - 1) % WORD)) & 1) return at + 1;
  }
  return -1;
}

/** Returns the places of each character in a run, as bits, and those of the wildcards, which are in all of them. */
function readMasks(run: Run, length: number, variables: Variables) {
  const tokens = run.flatMap<string | typeof ANY_CHARACTER>((token) =>
    token === ANY_CHARACTER ? [token] : (textOf(token, variables) ?? '').split(''),
  );
  const wildcards = new Uint32Array(Math.ceil(length / WORD));
  for (const [index, token] of tokens.entries()) {
    if (token === ANY_CHARACTER) setBit(wildcards, index);
  }
  const masks = new Map<string, Uint32Array>();
  for (const [index, token] of tokens.entries()) {
    if (token === ANY_CHARACTER) continue;
    const mask = masks.get(token) ?? wildcards.slice();
    masks.set(token, mask);
    setBit(mask, index);
  }
  return { masks, wildcards };
}

function setBit(bits: Uint32Array, index: number): void {
  const word = Math.floor(index / WORD);
  bits[word] = (bits[word] ?? 0) | (1 << (index % WORD));
}
