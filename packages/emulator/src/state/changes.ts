// Changes of the state, as the journal stores them. Each is as large as what it changes.
import { isObject } from '../json.ts';
import { lookUp } from './look-up.ts';
import { updateOrders } from './ordered.ts';
import type { Relations, Tables } from './records.ts';
import type { MutableRelation } from './relation.ts';
import { RELATED, type State, TABLES } from './state.ts';

/** A record that is added or replaced, or, without a record, removed with all its links. */
export type RecordChange = readonly [table: keyof Tables, key: string, record?: object];

/** A link of two records that is added (1) or removed (0). */
export type LinkChange = readonly [
  relation: keyof Relations,
  source: string,
  target: string,
  isLinked: 0 | 1,
];

/** A change of a record or of a link. */
export type Change = RecordChange | LinkChange;

const RELATIONS = Object.keys(RELATED) as readonly (keyof Relations)[];
const NAMES_OF_RELATIONS: ReadonlySet<unknown> = new Set(RELATIONS);
const NAMES_OF_TABLES: ReadonlySet<unknown> = new Set(TABLES);

/** Applies a change: the only place that changes a state; all other code sees it as read-only. */
export function applyChange(state: State, change: Change): void {
  if (isLinkChange(change)) {
    const [relation, source, target, isLinked] = change;
    if (isLinked) changeable(state, relation).link(source, target);
    else changeable(state, relation).unlink(source, target);
    return;
  }
  const [table, key, record] = change;
  const records = state[table] as Record<string, object>;
  const before = lookUp(records, key);
  if (record !== undefined) {
    records[key] = record;
    updateOrders(records, key, { before, after: record });
    return;
  }
  for (const [relation, source, target] of linksOf(state, table, key)) {
    changeable(state, relation).unlink(source, target);
  }
  delete records[key];
  updateOrders(records, key, { before, after: undefined });
}

/** Returns the changes that undo a change of a state. */
export function inverseOf(state: State, change: Change): readonly Change[] {
  if (isLinkChange(change)) {
    const [relation, source, target] = change;
    return [[relation, source, target, state[relation].has(source, target) ? 1 : 0]];
  }
  const [table, key] = change;
  const old = lookUp<object>(state[table], key);
  return old === undefined ? [[table, key]] : [[table, key, old], ...linksOf(state, table, key)];
}

/** Yields the changes that create a state. What changes meanwhile is included or not. */
export function* changesToCreate(state: State): Generator<Change> {
  for (const table of TABLES) {
    for (const key of Object.keys(state[table])) {
      const record = lookUp<object>(state[table], key);
      if (record !== undefined) yield [table, key, record];
    }
  }
  for (const relation of RELATIONS) {
    for (const source of state[relation].sources()) {
      for (const target of state[relation].targetsOf(source)) yield [relation, source, target, 1];
    }
  }
}

/** Whether a value from a journal is a change that this version knows. */
export function isChange(value: unknown): value is Change {
  if (!Array.isArray(value)) return false;
  const [name, key, content, isLinked] = value as unknown[];
  if (typeof key !== 'string') return false;
  if (NAMES_OF_RELATIONS.has(name)) {
    return typeof content === 'string' && (isLinked === 0 || isLinked === 1);
  }
  return (
    NAMES_OF_TABLES.has(name) && (value.length === 2 || (value.length === 3 && isObject(content)))
  );
}

function isLinkChange(change: Change): change is LinkChange {
  return change.length === 4;
}

function changeable(state: State, relation: keyof Relations): MutableRelation {
  return state[relation] as MutableRelation;
}

/** The links of a record. */
function linksOf(state: State, table: keyof Tables, key: string): readonly LinkChange[] {
  return RELATIONS.flatMap((relation) => {
    const [sourceTable, targetTable] = RELATED[relation];
    const { targetsOf, sourcesOf } = state[relation];
    return [
      ...(table === sourceTable
        ? [...targetsOf(key)].map((target): LinkChange => [relation, key, target, 1])
        : []),
      ...(table === targetTable
        ? [...sourcesOf(key)].map((source): LinkChange => [relation, source, key, 1])
        : []),
    ];
  });
}
