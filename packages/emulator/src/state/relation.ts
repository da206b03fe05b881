import { updateSorted } from './ordered.ts';

/**
 * A many-to-many relation between the records of two tables, such as things and their certificates. Each link is stored
 * as a change of its own, so that none is rewritten when another is added.
 */
export interface Relation {
  /** Whether a record of the first table is linked to one of the second. */
  has(source: string, target: string): boolean;
  /** Returns what a record of the first table is linked to, in the order in which it was linked. */
  targetsOf(source: string): ReadonlySet<string>;
  /** Returns what a record of the second table is linked to, in the order in which it was linked. */
  sourcesOf(target: string): ReadonlySet<string>;
  /** Returns all records of the first table that are linked. */
  sources(): readonly string[];
}

/** A relation that can be changed. */
export interface MutableRelation extends Relation {
  link(source: string, target: string): void;
  unlink(source: string, target: string): void;
}

const NONE: ReadonlySet<string> = new Set();

/** What each record is linked to: mostly to one other, for which a set would take memory and time. */
type Index = Map<string, string | Set<string>>;

/** Creates an empty relation. */
export function createRelation(): MutableRelation {
  const targets: Index = new Map();
  const sources: Index = new Map();
  return {
    has(source, target) {
      const found = targets.get(source);
      return typeof found === 'string' ? found === target : (found?.has(target) ?? false);
    },
    targetsOf: (source) => itemsOf(targets, source),
    sourcesOf: (target) => itemsOf(sources, target),
    sources: () => [...targets.keys()],
    link(source, target) {
      addTo(targets, source, target);
      addTo(sources, target, source);
    },
    unlink(source, target) {
      removeFrom(targets, source, target);
      removeFrom(sources, target, source);
    },
  };
}

function itemsOf(index: Index, key: string): ReadonlySet<string> {
  const items = index.get(key);
  return typeof items === 'string' ? new Set([items]) : (items ?? NONE);
}

function addTo(index: Index, key: string, item: string): void {
  const items = index.get(key);
  if (items === undefined) index.set(key, item);
  else if (typeof items === 'string') {
    if (items !== item) index.set(key, new Set([items, item]));
  } else if (!items.has(item)) {
    items.add(item);
    updateSorted(items, item, true);
  }
}

function removeFrom(index: Index, key: string, item: string): void {
  const items = index.get(key);
  if (items === item) index.delete(key);
  if (items === undefined || typeof items === 'string' || !items.delete(item)) return;
  updateSorted(items, item, false);
  if (items.size === 0) index.delete(key);
}
