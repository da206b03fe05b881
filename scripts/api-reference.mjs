// A Markdown page for an entry point of a package: each exported symbol with its declaration and its TSDoc.
import { ApiItemKind, ApiModel } from '@microsoft/api-extractor-model';

/**
 * The page for an entry.
 *
 * @param name - what a program imports
 * @param model - path of the model that API Extractor wrote
 */
export function reference(name, model) {
  const [entry] = new ApiModel().loadPackage(model).entryPoints;
  const items = entry.members.toSorted(
    (a, b) => order(a) - order(b) || (a.displayName < b.displayName ? -1 : 1),
  );
  const names = new Set(items.map(({ displayName }) => displayName));
  const parts = items.map((item) => [
    `## ${item.displayName}`,
    '',
    declaration(item),
    '',
    documentation(item, names),
    '',
    ...members(item, names),
  ]);
  const contents = items.map(
    ({ displayName }) => `[${displayName}](#${displayName.toLowerCase()})`,
  );
  return `${[
    `# ${name}`,
    '',
    '<!-- Written by npm run api. -->',
    '',
    `${contents.join(', ')}.`,
    '',
    ...parts.flat(),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    // API Extractor numbers symbols with the name of a global.
    .replace(/(?<=[a-z])_2\b/g, '')
    .trimEnd()}\n`;
}

const ORDER = [
  ApiItemKind.Function,
  ApiItemKind.Class,
  ApiItemKind.Variable,
  ApiItemKind.Interface,
];

/** Functions first, then their parameter and return types. */
function order({ kind }) {
  const place = ORDER.indexOf(kind);
  return place === -1 ? ORDER.length : place;
}

/** The declaration of a symbol without members; omitted for long tables. */
function declaration({ kind, excerpt }) {
  if (kind === ApiItemKind.Variable) return '';
  const text = excerpt.text.trim().replace(/^export (declare )?/, '');
  return ['```ts', text, '```'].join('\n');
}

/** The members of a class or interface, as a list. */
function members({ members: all }, names) {
  return all
    .filter(({ kind }) => kind !== ApiItemKind.Constructor)
    .flatMap((member) => {
      const text = member.excerpt.text.trim().replace(/;$/, '').replace(/\s+/g, ' ');
      return [`- \`${text}\``, '', indent(documentation(member, names)), ''];
    });
}

const indent = (text) => text.replace(/^(?=.)/gm, '  ');

/** The text of a TSDoc comment in Markdown. */
function documentation({ tsdocComment }, names) {
  if (tsdocComment === undefined) return '';
  return tsdocComment
    .emitAsTsdoc()
    .trim()
    .replace(/^\/\*\*|\*\/$/g, '')
    .replace(/^[ \t]*\* ?/gm, '')
    .replace(/^@(?:packageDocumentation|internal|public)$/gm, '')
    .replace(/^@(?:param|typeParam) (\S+) - /gm, '- `$1`: ')
    .replace(/^@returns /gm, '\nReturns ')
    .replace(/^@throws\s+/gm, 'Throws ')
    .replace(/^@example$/gm, '')
    .replace(/\{@link ([\w.]+)(?: \| ([^}]*))?\}/g, (_, target, text) => link(target, text, names))
    .trim();
}

function link(target, text, names) {
  const [name] = target.split('.');
  const label = text?.trim() ?? `\`${target}\``;
  return names.has(name) ? `[${label}](#${name.toLowerCase()})` : label;
}
