import { TOKEN } from './json-keys.ts';

/** The place of a statement in the text of a document. */
export interface StatementPosition {
  readonly start: TextPosition;
  readonly end: TextPosition;
}

/** A place in a text: both numbers count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/**
 * Returns where the statements of a valid policy document are, as IAM counts: each begins behind the previous one, the
 * first behind the bracket or brace that opens the value of `Statement`, and ends behind its brace.
 */
export function statementPositions(document: string): readonly StatementPosition[] {
  const positions = positionsAt(document, statementOffsets(document));
  return positions.slice(1).flatMap((end, index) => {
    const start = positions[index];
    return start === undefined ? [] : { start, end };
  });
}

interface Token {
  readonly text: string;
  /** Where it ends. */
  readonly end: number;
  /** How many braces and brackets it is in, without those that it is itself. */
  readonly depth: number;
}

/** Returns where the first statement begins, and where each ends. */
function statementOffsets(document: string): readonly number[] {
  const tokens = readTokens(document);
  const key = tokens.findIndex(
    ({ text, depth }, index) =>
      depth === 1 && tokens[index + 1]?.text === ':' && JSON.parse(text) === 'Statement',
  );
  const [opening, ...rest] = tokens.slice(key + 2);
  if (opening === undefined) return [];
  const end = rest.findIndex(({ text, depth }) => depth === 1 && isClosing(text));
  const depth = opening.text === '[' ? 2 : 1;
  const closings = rest.slice(0, end + 1).filter((one) => one.text === '}' && one.depth === depth);
  return [opening.end, ...closings.map((closing) => closing.end)];
}

function readTokens(document: string): readonly Token[] {
  let depth = 0;
  return [...document.matchAll(TOKEN)].map(({ 0: text, index }) => {
    const end = index + text.length;
    if (isClosing(text)) depth--;
    const token = { text, end, depth };
    if (text === '{' || text === '[') depth++;
    return token;
  });
}

function isClosing(text: string): boolean {
  return text === '}' || text === ']';
}

function positionsAt(text: string, offsets: readonly number[]): readonly TextPosition[] {
  let [line, lineStart] = [1, 0];
  return offsets.map((offset) => {
    for (;;) {
      const newline = text.indexOf('\n', lineStart);
      if (newline < 0 || newline >= offset) return { line, column: offset - lineStart + 1 };
      [line, lineStart] = [line + 1, newline + 1];
    }
  });
}
