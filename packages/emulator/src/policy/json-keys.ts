/** The strings and the punctuation of a JSON text. */
export const TOKEN: RegExp = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g;

/** Whether an object in a valid JSON text has a key twice, of which `JSON.parse` keeps the last one only. */
export function repeatsKey(json: string): boolean {
  // The keys of each open object; undefined for an open list.
  const open: (Set<unknown> | undefined)[] = [];
  let latest = '';
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (token === ':') {
      const keys = open.at(-1);
      const key: unknown = JSON.parse(latest);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
    latest = token;
  }
  return false;
}
