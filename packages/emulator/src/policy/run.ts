/** A text with wildcards for one character: the pieces before, between and after the wildcards. */
export type Run = readonly string[];

/** The length of the texts that a run matches. */
export function runLength(run: Run): number {
  return run.reduce((sum, piece) => sum + piece.length, run.length - 1);
}

/** Whether a run matches a text at a position. */
export function matchesAt(run: Run, text: string, position: number): boolean {
  let at = position;
  return run.every((piece) => {
    const isThere = text.startsWith(piece, at);
    at += piece.length + 1;
    return isThere;
  });
}

/** V8 compares at most this many characters in a search whose time is linear. */
const MAX_PIECE = 250;
const WORD = 32;

/** Returns the position of the first match of a run in a text, from a position on, or -1. */
export function findRun(run: Run, text: string, position: number): number {
  const [only = '', second] = run;
  if (second === undefined && only.length <= MAX_PIECE) return text.indexOf(only, position);
  const length = runLength(run);
  return position + length > text.length ? -1 : findByBits(run, length, text, position);
}

/**
 * Searches with one bit for each character of the run ("Shift-And"; Baeza-Yates and Gonnet, 1992): a bit is set if the
 * run matches up to this character. Each character of the text is read once.
 */
function findByBits(run: Run, length: number, text: string, position: number): number {
  const { masks, wildcards } = readMasks(run, length);
  const last = length - 1;
  const state = new Uint32Array(wildcards.length);
  for (let at = position; at < text.length; at++) {
    const mask = masks.get(text.charCodeAt(at)) ?? wildcards;
    let carry = 1;
    for (let word = 0; word < state.length; word++) {
      const bits = state[word] ?? 0;
      state[word] = ((bits << 1) | carry) & (mask[word] ?? 0);
      carry = bits >>> (WORD - 1);
    }
    if (((state.at(-1) ?? 0) >>> (last % WORD)) & 1) return at - last;
  }
  return -1;
}

/** Returns the positions in a run as bits: those of each character, and those of wildcards, which are in all of them. */
function readMasks(run: Run, length: number) {
  const words = Math.ceil(length / WORD);
  const wildcards = new Uint32Array(words);
  let end = -1;
  for (const piece of run.slice(0, -1)) {
    end += piece.length + 1;
    setBit(wildcards, end);
  }
  const masks = new Map<number, Uint32Array>();
  let at = 0;
  for (const piece of run) {
    for (let index = 0; index < piece.length; index++, at++) {
      const code = piece.charCodeAt(index);
      const mask = masks.get(code) ?? wildcards.slice();
      masks.set(code, mask);
      setBit(mask, at);
    }
    at++;
  }
  return { masks, wildcards };
}

function setBit(bits: Uint32Array, index: number): void {
  const word = Math.floor(index / WORD);
  bits[word] = (bits[word] ?? 0) | (1 << (index % WORD));
}
