/** A parameter's value, or the members of a structure by name. A list has its items in `member`, by number. */
interface Tree extends Map<string, string | Tree> {}

/** More than any member has: deeper names, which no operation declares, stay whole. */
const MAX_DEPTH = 8;

/**
 * Returns the members that parameters of AWS's query protocol describe: `Tags.member.1.Key=a` is the member `Key` of
 * the first item of the list `Tags`. An empty parameter can stand for an empty list.
 */
export function toStructure(parameters: Iterable<[string, string]>): Record<string, unknown> {
  const root: Tree = new Map();
  for (const [name, value] of parameters) {
    const path = name.split('.', MAX_DEPTH + 1);
    set(root, path.length > MAX_DEPTH ? [name] : path, value);
  }
  return Object.fromEntries([...root].map(([name, value]) => [name, toValue(value)]));
}

/** The first of several values of a parameter wins. */
function set(tree: Tree, [name = '', ...rest]: readonly string[], value: string): void {
  const existing = tree.get(name);
  if (rest.length === 0) {
    if (existing === undefined) tree.set(name, value);
    return;
  }
  const below: Tree = existing instanceof Map ? existing : new Map();
  tree.set(name, below);
  set(below, rest, value);
}

function toValue(value: string | Tree): unknown {
  if (typeof value === 'string') return value;
  const items = value.get('member');
  if (items instanceof Map && value.size === 1) {
    return [...items]
      .sort(([one], [other]) => Number(one) - Number(other))
      .map(([, item]) => toValue(item));
  }
  return Object.fromEntries([...value].map(([name, member]) => [name, toValue(member)]));
}
