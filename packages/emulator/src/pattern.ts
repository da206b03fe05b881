/** Values of policy variables by name; a name that is missing has no value. */
export type Variables = Readonly<Record<string, string>>;

/** A character that must be there, or a wildcard. */
type Token = { readonly literal: string } | 'one' | 'any';

const VARIABLE = /^\$\{([^{}$]*)\}/;

/**
 * Whether a value matches a pattern of a policy: `*` is any text, `?` any one character, and `${name}` the value of a
 * policy variable, in which no character is a wildcard. A pattern with a variable that has no value matches nothing.
 *
 * It walks and never goes back further than the latest `*`, so that no pattern takes long.
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

/** A text with the values of its policy variables; undefined where one has none. */
export function expandVariables(text: string, variables: Variables): string | undefined {
  let isComplete = true;
  const expanded = text.replace(/\$\{([^{}$]*)\}/g, (_whole, name: string) => {
    const value = variableValue(name, variables);
    if (value === undefined) isComplete = false;
    return value ?? '';
  });
  return isComplete ? expanded : undefined;
}

function tokenize(pattern: string, variables: Variables): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let index = 0; index < pattern.length; ) {
    const [whole, name = ''] = VARIABLE.exec(pattern.slice(index, index + MAX_VARIABLE)) ?? [];
    if (whole === undefined) {
      tokens.push(toToken(pattern[index] ?? ''));
      index++;
      continue;
    }
    const value = variableValue(name, variables);
    if (value === undefined) return undefined;
    for (const literal of value.split('')) tokens.push({ literal });
    index += whole.length;
  }
  return tokens;
}

const MAX_VARIABLE = 256;

function toToken(character: string): Token {
  if (character === '*') return 'any';
  return character === '?' ? 'one' : { literal: character };
}

function variableValue(name: string, variables: Variables): string | undefined {
  if (name === '*' || name === '?' || name === '$') return name;
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
