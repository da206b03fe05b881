/** Returns the place of a record in an order, as text: compared by UTF-16 code units, and different for each key. */
export type Place<T> = (key: string, record: T) => string;

type Table<T> = Readonly<Record<string, T>>;

/** The keys of each table and set that were asked for in an order, by the order. */
const lists = new WeakMap<object, Map<Place<never>, string[]>>();

const byKey: Place<unknown> = (key) => key;

/**
 * Returns the keys of a table in an order: sorted once, and then kept in this order by {@link updateOrders}.
 *
 * @param place - a function that is the same each time
 */
export function keysInOrder<T>(table: Table<T>, place: Place<T> = byKey): readonly string[] {
  return [
    ...listOf(table, place, () =>
      Object.entries(table)
        .map(([key, record]) => ({ key, text: place(key, record) }))
        .sort((one, other) => (one.text < other.text ? -1 : 1))
        .map(({ key }) => key),
    ),
  ];
}

/** Returns the items of a set, sorted, likewise. */
export function sorted(set: ReadonlySet<string>): readonly string[] {
  return [...listOf(set, byKey, () => [...set].sort())];
}

function listOf(owner: object, place: Place<never>, make: () => string[]): readonly string[] {
  const known = lists.get(owner) ?? new Map<Place<never>, string[]>();
  lists.set(owner, known);
  const list = known.get(place) ?? make();
  known.set(place, list);
  return list;
}

/** Keeps the orders of a table after a change of it: a record that was added, replaced or removed. */
export function updateOrders<T>(
  table: Table<T>,
  key: string,
  { before, after }: { readonly before: T | undefined; readonly after: T | undefined },
): void {
  for (const [place, list] of (lists.get(table) ?? []) as Iterable<[Place<T>, string[]]>) {
    const old = before === undefined ? undefined : place(key, before);
    const current = after === undefined ? undefined : place(key, after);
    if (old === current) continue;
    const placeOf = (other: string) => place(other, table[other] as T);
    if (old !== undefined) list.splice(list.indexOf(key), 1);
    if (current !== undefined) list.splice(indexFor(list, current, placeOf), 0, key);
  }
}

/** Keeps the order of a set after a change of it. */
export function updateSorted(set: ReadonlySet<string>, item: string, isAdded: boolean): void {
  const list = lists.get(set)?.get(byKey);
  if (list === undefined) return;
  const index = indexFor(list, item, (other) => other);
  list.splice(index, isAdded ? 0 : 1, ...(isAdded ? [item] : []));
}

/** Returns the index of the first key whose place is not before another. */
function indexFor(
  list: readonly string[],
  place: string,
  placeOf: (key: string) => string,
): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (placeOf(list[middle] ?? '') < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
