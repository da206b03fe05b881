/** Values of policy variables by name; missing names have no value. */
export type Variables = Readonly<Record<string, string>>;

/** A literal character or a wildcard. */
type Token = { readonly literal: string } | 'one' | 'any';

// No name is longer; without the limit, each of many `${` would scan to the end of the text.
const VARIABLE = /\$\{([^{}$]{0,253})\}/;

/**
 * Whether a value matches a pattern of a policy: `*` is any text, `?` any one character, and `${name}` the value of a
 * policy variable, in which no character is a wildcard. A pattern with a variable that has no value matches nothing.
 *
 * It backtracks no further than the latest `*`, so that no pattern takes long.
 */
export function matchesPattern(pattern: string, value: string, variables: Variables = {}): boolean {
  const tokens = tokenize(pattern, variables);
  if (tokens === undefined) return false;
  let [at, position] = [0, 0];
  let [star, resume] = [-1, 0];
  while (position < value.length) {
    const token = tokens[at];
    if (token === 'any') {
      star = at++;
      resume = position;
    } else if (token !== undefined && (token === 'one' || token.literal === value[position])) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  return tokens.slice(at).every((token) => token === 'any');
}

/** A text with its policy variables replaced; undefined if one has no value. */
export function expandVariables(text: string, variables: Variables): string | undefined {
  return readParts(text, variables)
    ?.map((part) => part.text)
    .join('');
}

function tokenize(pattern: string, variables: Variables): readonly Token[] | undefined {
  return readParts(pattern, variables)?.flatMap(({ text, isValue }) =>
    text.split('').map((character) => (isValue ? { literal: character } : toToken(character))),
  );
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

function toToken(character: string): Token {
  if (character === '*') return 'any';
  return character === '?' ? 'one' : { literal: character };
}

function variableValue(name: string, variables: Variables): string | undefined {
  if (name === '*' || name === '?' || name === '$') return name;
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
