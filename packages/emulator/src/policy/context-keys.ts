import { isObject, parseJson } from '../json.ts';
import { variableKeys } from './pattern.ts';
import { hasVariables } from './policy.ts';

/**
 * Returns the condition keys that policy documents use, in conditions and as policy variables, in the order of their
 * first use. Names that differ in case only are one key.
 */
export function contextKeysOf(documents: readonly string[]): readonly string[] {
  const names = new Map<string, string>();
  for (const name of documents.flatMap(keysOf)) {
    const key = name.toLowerCase();
    if (!names.has(key)) names.set(key, name);
  }
  return [...names.values()];
}

function keysOf(text: string): readonly string[] {
  const document = parseJson(text);
  if (!isObject(document)) return [];
  const toKeys = hasVariables(document) ? variableKeys : () => [];
  const statements = [document.Statement].flat().filter(isObject);
  return statements.flatMap(({ Resource, NotResource, Condition }) => {
    const conditions = Object.values(isObject(Condition) ? Condition : {}).filter(isObject);
    return [
      ...conditions.flatMap((keys) => Object.keys(keys)),
      ...[Resource, NotResource, ...conditions.flatMap((keys) => Object.values(keys))]
        .flat()
        .filter((value) => typeof value === 'string')
        .flatMap(toKeys),
    ];
  });
}
