import { isObject, parseJson } from '../json.ts';

/**
 * Returns a trust policy with other names of its `AWS` principals; the same text if none changes.
 *
 * @param rename - returns the new name of a principal
 */
export function renamePrincipals(document: string, rename: (name: string) => string): string {
  let isChanged = false;
  const renameAll = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(renameAll);
    if (typeof value !== 'string') return value;
    const name = rename(value);
    isChanged ||= name !== value;
    return name;
  };
  const renameIn = (statement: unknown): unknown => {
    if (Array.isArray(statement)) return statement.map(renameIn);
    if (!isObject(statement) || !isObject(statement.Principal)) return statement;
    const { AWS } = statement.Principal;
    if (AWS === undefined) return statement;
    return { ...statement, Principal: { ...statement.Principal, AWS: renameAll(AWS) } };
  };
  const policy = parseJson(document);
  if (!isObject(policy)) return document;
  const Statement = renameIn(policy.Statement);
  return isChanged ? JSON.stringify({ ...policy, Statement }) : document;
}
