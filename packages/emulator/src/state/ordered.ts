import { keepLatest } from '../memo.ts';

/**
 * Returns the place of a record in an order, as text: compared by UTF-16 code units, and different for each key;
 * undefined for a record that is not in it.
 */
export type Place<T> = (key: string, record: T) => string | undefined;

type Table<T> = Readonly<Record<string, T>>;

/** A list that is kept in order. What was returned once is not changed any more, but replaced. */
interface List {
  keys: string[];
  isShown: boolean;
  /** The keys in descending order, if they were asked for since the last change. */
  descending: readonly string[] | undefined;
}

/** So many orders of a table are kept: those that were asked for last. Each is a little work at each change. */
const MAX_ORDERS = 10;

/** The keys of each table and set that were asked for in an order, by the order. */
const lists = new WeakMap<object, Map<Place<never>, List>>();

const byKey = (key: string): string => key;

/**
 * Returns the keys of a table in an order: sorted once, and then kept in this order by {@link updateOrders}. The list
 * is frozen: all callers since the last change have the same one.
 *
 * @param place - a function that is the same each time
 */
export function keysInOrder<T>(
  table: Table<T>,
  { place = byKey, isDescending = false }: { place?: Place<T>; isDescending?: boolean } = {},
): readonly string[] {
  const list = listOf(table, place, () =>
    Object.entries(table)
      .flatMap(([key, record]) => {
        const text = place(key, record);
        return text === undefined ? [] : { key, text };
      })
      .sort((one, other) => (one.text < other.text ? -1 : 1))
      .map(({ key }) => key),
  );
  if (!isDescending) return show(list);
  list.descending ??= Object.freeze([...list.keys].reverse());
  return list.descending;
}

/** Returns the items of a set, sorted, likewise. */
export function sorted(set: ReadonlySet<string>): readonly string[] {
  return show(listOf(set, byKey, () => [...set].sort()));
}

function listOf(owner: object, place: Place<never>, make: () => string[]): List {
  const known = lists.get(owner) ?? new Map<Place<never>, List>();
  lists.set(owner, known);
  const list = known.get(place) ?? { keys: make(), isShown: false, descending: undefined };
  keepLatest(known, MAX_ORDERS, place, list);
  return list;
}

function show(list: List): readonly string[] {
  if (!list.isShown) Object.freeze(list.keys);
  list.isShown = true;
  return list.keys;
}

/** Removes a number of keys at an index, and inserts others. */
function splice(list: List, index: number, removed: number, ...inserted: readonly string[]): void {
  if (list.isShown) list.keys = [...list.keys];
  list.isShown = false;
  list.descending = undefined;
  list.keys.splice(index, removed, ...inserted);
}

/** Keeps the orders of a table after a change of it: a record that was added, replaced or removed. */
export function updateOrders<T>(
  table: Table<T>,
  key: string,
  { before, after }: { readonly before: T | undefined; readonly after: T | undefined },
): void {
  for (const [place, list] of (lists.get(table) ?? []) as Iterable<[Place<T>, List]>) {
    const old = before === undefined ? undefined : place(key, before);
    const current = after === undefined ? undefined : place(key, after);
    if (old === current) continue;
    if (old !== undefined) splice(list, list.keys.indexOf(key), 1);
    if (current !== undefined) {
      const placeOf = (other: string) => place(other, table[other] as T) ?? '';
      splice(list, indexFor(list.keys, current, placeOf), 0, key);
    }
  }
}

/** Keeps the order of a set after a change of it. */
export function updateSorted(set: ReadonlySet<string>, item: string, isAdded: boolean): void {
  const list = lists.get(set)?.get(byKey);
  if (list === undefined) return;
  const index = indexFor(list.keys, item, (other) => other);
  if (isAdded) splice(list, index, 0, item);
  else splice(list, index, 1);
}

/** Returns the index of the first key whose place is not before another. */
function indexFor(
  keys: readonly string[],
  place: string,
  placeOf: (key: string) => string,
): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (placeOf(keys[middle] ?? '') < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
