// Run by npm before it packs a package, in the package's folder: builds it if a source is newer, and copies the named
// files of the project into it. They are not deleted, so that several processes can pack at once.
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version, repository } = JSON.parse(readFileSync('package.json', 'utf8'));
const page = repository.url.replace(/^git\+|\.git$/g, '');
const files = `${page}/blob/v${version}`;
const images = `${page.replace('//github.com', '//raw.githubusercontent.com')}/v${version}`;

/** A page with absolute links, to the files of this version. */
function withAbsoluteLinks(markdown) {
  return markdown
    .replace(/(!\[[^\]]*\]\(|\bsrc(?:set)?=")(?![a-z]+:)(?:\.\/)?([^)"\s]+)/g, `$1${images}/$2`)
    .replace(/(\]\(|\bhref=")(?![a-z]+:|#)(?:\.\/)?([^)"\s]+)/g, `$1${files}/$2`);
}

const builder = [join(root, 'scripts/build.mjs'), '--stale', basename(process.cwd())];
// stdout of npm is for results.
execFileSync(process.execPath, builder, { stdio: ['ignore', 2, 'inherit'] });
for (const name of process.argv.slice(2)) {
  const text = readFileSync(join(root, name), 'utf8');
  const temporary = `${name}.${process.pid}`;
  writeFileSync(temporary, name.endsWith('.md') ? withAbsoluteLinks(text) : text);
  renameSync(temporary, name);
}
