// The licences of packages that are bundled into others: for the builds of the packages.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the folders of the packages of which a part is in a bundle. */
export function packagesIn(chunks) {
  const folders = new Set();
  const modules = chunks.flatMap((chunk) => Object.entries(chunk.modules ?? {}));
  for (const [id, { renderedLength }] of modules) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? [];
    if (folder !== undefined && renderedLength > 0) folders.add(folder);
  }
  return folders;
}

/** Writes the licences of packages to a file, each once. */
export function writeNotices(folders, file) {
  const namesOf = new Map();
  for (const folder of [...folders].sort()) {
    const { name, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const licence = ['LICENSE', 'LICENSE.md'].map((each) => join(folder, each)).find(existsSync);
    const text = licence === undefined ? `${license}\n` : readFileSync(licence, 'utf8');
    namesOf.set(text, [...(namesOf.get(text) ?? []), name]);
  }
  const notices = [...namesOf].map(([text, names]) => `${names.join(', ')}\n\n${text}`);
  writeFileSync(file, `Parts of these packages are bundled.\n\n${notices.join('\n')}`);
}
