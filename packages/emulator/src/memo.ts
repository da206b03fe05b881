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
  // A map iterates in the order of insertion: the first key is the one that was not used for the longest time.
  const results = new Map<string, T>();
  return (text) => {
    const result = results.get(text) ?? derive(text);
    results.delete(text);
    results.set(text, result);
    if (results.size > limit) results.delete(results.keys().next().value ?? '');
    return result;
  };
}
