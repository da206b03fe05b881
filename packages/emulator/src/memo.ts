/**
 * Returns a function that remembers the results of a pure one: those for the texts that were used last.
 *
 * @param limit - the number of results that are kept
 * @param derive - never returns undefined
 */
export function memoize<T extends NonNullable<unknown>>(
  limit: number,
  derive: (text: string) => T,
): (text: string) => T {
  const results = new Map<string, T>();
  return (text) => {
    const result = results.get(text) ?? derive(text);
    keepLatest(results, limit, text, result);
    return result;
  };
}

/**
 * Returns a function that remembers the results of a pure one for objects that are not changed, as long as they exist.
 *
 * @param derive - never returns undefined
 */
export function memoizeByIdentity<K extends object, T extends NonNullable<unknown>>(
  derive: (key: K) => T,
): (key: K) => T {
  const results = new WeakMap<K, T>();
  return (key) => {
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = derive(key);
    results.set(key, result);
    return result;
  };
}

/** Sets an entry of a map as the latest, and removes the oldest one if there are more than a limit. */
export function keepLatest<K, V>(map: Map<K, V>, limit: number, key: K, value: V): void {
  // A map iterates in the order of insertion.
  map.delete(key);
  map.set(key, value);
  if (map.size <= limit) return;
  const [oldest] = map.keys();
  map.delete(oldest as K);
}
