import { updateSorted } from './ordered.ts';

/**
 * A many-to-many relation between the records of two tables, such as things and their certificates. Each link is stored
 * as a change of its own, so that none is rewritten when another is added.
 */
export interface Relation {
  /** Whether a record of the first table is linked to one of the second. */
  has(source: string, target: string): boolean;
  /** Returns what a record of the first table is linked to, in the order in which it was linked. A live set. */
  targetsOf(source: string): ReadonlySet<string>;
  /** Returns what a record of the second table is linked to, in the order in which it was linked. A live set. */
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

/** Creates an empty relation. */
export function createRelation(): MutableRelation {
  const targets = new Map<string, Set<string>>();
  const sources = new Map<string, Set<string>>();
  return {
    has: (source, target) => targets.get(source)?.has(target) ?? false,
    targetsOf: (source) => targets.get(source) ?? NONE,
    sourcesOf: (target) => sources.get(target) ?? NONE,
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

function addTo(index: Map<string, Set<string>>, key: string, item: string): void {
  const items = index.get(key) ?? new Set();
  index.set(key, items);
  if (items.has(item)) return;
  items.add(item);
  updateSorted(items, item, true);
}

function removeFrom(index: Map<string, Set<string>>, key: string, item: string): void {
  const items = index.get(key);
  if (!items?.delete(item)) return;
  updateSorted(items, item, false);
  if (items.size === 0) index.delete(key);
}
