/** Parses JSON; undefined if it is invalid. The parser's error is dropped: it quotes the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns an object with these members alone: names such as `constructor` and `__proto__` are like any other. */
export function toRecord<T>(members: Iterable<readonly [string, T]>): Record<string, T> {
  const record: Record<string, T> = Object.create(null);
  for (const [name, value] of members) record[name] = value;
  return record;
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns JSON whose text has no characters that control a terminal or are not visible: they are escaped. */
export function toPrintableJson(value: unknown): string {
  return JSON.stringify(value).replace(INVISIBLE, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Control characters, those that change the direction of text, and other line ends. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

// Far more than any request has: to parse more takes long.
const MAX_DEPTH = 100;
const MAX_SEPARATORS = 5000;

/** Whether JSON has more levels, or more members and items, than any request. */
export function isTooComplex(json: Buffer): boolean {
  let depth = 0;
  let separators = 0;
  let isText = false;
  for (let at = 0; at < json.length && depth <= MAX_DEPTH && separators <= MAX_SEPARATORS; at++) {
    const byte = json[at] ?? 0;
    if (isText && byte === BACKSLASH) at++;
    else if (byte === QUOTE) isText = !isText;
    else if (!isText) {
      depth += LEVELS[byte] ?? 0;
      separators += byte === COMMA ? 1 : 0;
    }
  }
  return depth > MAX_DEPTH || separators > MAX_SEPARATORS;
}

const [QUOTE, COMMA, BACKSLASH] = Buffer.from('",\\');
const LEVELS = new Int8Array(256);
for (const opening of Buffer.from('[{')) LEVELS[opening] = 1;
for (const closing of Buffer.from(']}')) LEVELS[closing] = -1;
