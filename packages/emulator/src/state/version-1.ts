// The first format of a folder: its journal has no first line of its own, and links are lists in the records.
import { existsSync } from 'node:fs';
import { parseJson } from '../json.ts';
import { applyChange, isChange } from './changes.ts';
import { readLines } from './files.ts';
import { damaged } from './journal.ts';
import type { Relations, Tables } from './records.ts';
import type { State } from './state.ts';

/**
 * Applies the changes of a journal in the first format to an empty state.
 *
 * @throws {@link EmulatorError} `ERR_DIR` if it is damaged
 */
export function readVersion1(path: string, state: State): void {
  // It was created after the account.
  if (!existsSync(path)) return;
  for (const { texts } of readLines(path)) {
    for (const text of texts) applyLine(path, text, state);
  }
}

function applyLine(path: string, text: string, state: State): void {
  const changes = parseJson(text);
  if (!Array.isArray(changes)) throw damaged(path);
  for (const change of changes as unknown[]) {
    if (!isChange(change)) throw damaged(path);
    applyVersion1(state, change as [keyof Tables, string, Record<string, unknown>?]);
  }
}

/** The lists of records, and the relations that they are now. */
const LISTS: readonly (readonly [keyof Tables, list: string, keyof Relations])[] = [
  ['things', 'certificateIds', 'thingCertificates'],
  ['things', 'thingGroupNames', 'thingMemberships'],
  ['certificates', 'policyNames', 'certificatePolicies'],
  ['thingGroups', 'policyNames', 'thingGroupPolicies'],
];

function applyVersion1(
  state: State,
  [table, key, record]: [keyof Tables, string, Record<string, unknown>?],
): void {
  if (record === undefined) {
    applyChange(state, [table, key]);
    return;
  }
  const {
    certificateIds: _certificates,
    thingGroupNames: _groups,
    policyNames: _policies,
    // The inverse of `certificateIds`.
    thingNames: _things,
    ...rest
  } = record;
  applyChange(state, [table, key, rest]);
  for (const [listed, list, relation] of LISTS) {
    if (listed === table) setLinks(state, relation, key, record[list]);
  }
}

function setLinks(state: State, relation: keyof Relations, source: string, list: unknown): void {
  const wanted = new Set(Array.isArray(list) ? (list as string[]) : []);
  for (const target of [...state[relation].targetsOf(source)]) {
    if (!wanted.has(target)) applyChange(state, [relation, source, target, 0]);
  }
  for (const target of wanted) applyChange(state, [relation, source, target, 1]);
}
