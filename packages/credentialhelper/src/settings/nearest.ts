import { distance } from 'fastest-levenshtein';

/** The name that differs least from a misspelled one; undefined if none is near. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, edits: distance(given.toLowerCase(), name.toLowerCase()) }))
    .sort((one, other) => one.edits - other.edits);
  return best !== undefined && best.edits <= Math.max(2, given.length / 4) ? best.name : undefined;
}
