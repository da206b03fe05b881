/** What a terminal takes for commands, ends a line, or changes the direction of text (Unicode Standard Annex 9). */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Text of whatever origin as it may reach a terminal, a log line or an error: what is unseen is written out. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** A JSON document as it may reach a terminal: with the same value. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) => (character === '\n' ? character : escaped(character)));
}

/** The beginning of a text from elsewhere. */
export function excerpt(text: string, maxCharacters = 200): string {
  const characters = Array.from(visible(text.slice(0, 4 * maxCharacters)));
  return characters.length <= maxCharacters
    ? characters.join('')
    : `${characters.slice(0, maxCharacters).join('')}…`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
