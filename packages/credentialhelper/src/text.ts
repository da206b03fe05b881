/** Characters that control a terminal, end a line, or change the direction of text (Unicode Standard Annex 9). */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Text of any origin, made safe for terminals, log lines and errors: invisible characters are escaped. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** A JSON document, made safe for terminals, with the same value. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) => (character === '\n' ? character : escaped(character)));
}

/** The beginning of text from another source. */
export function excerpt(text: string, maxCharacters = 200): string {
  const characters = Array.from(visible(text.slice(0, 4 * maxCharacters)));
  return characters.length <= maxCharacters
    ? characters.join('')
    : `${characters.slice(0, maxCharacters).join('')}…`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
