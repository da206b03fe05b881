// Fails if npm has not installed an optional dependency for this platform, and reports which, and what to do: npm is
// known to omit them, and their users fail later, with an unclear error.
//   node scripts/optional-packages.mjs [FOLDER]
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
const { glibcVersionRuntime } = process.report.getReport().header;
const libc = glibcVersionRuntime === undefined ? 'musl' : 'glibc';

const isInstalled = (path) => existsSync(join(folder, path, 'package.json'));

/** Whether a list like `os` in package.json includes this machine. */
function allows(list, mine) {
  if (list === undefined) return true;
  if (list.includes(`!${mine}`)) return false;
  return list.includes(mine) || list.every((entry) => entry.startsWith('!'));
}

function isForHere({ os, cpu, libc: wanted }) {
  const anyLibc = process.platform !== 'linux' || allows(wanted, libc);
  return allows(os, process.platform) && allows(cpu, process.arch) && anyLibc;
}

/** The lock file entry that a package at a path resolves for a name: in its own folder, or in a parent. */
function find(path, name) {
  const place = `${path === '' ? '' : `${path}/`}node_modules/${name}`;
  if (packages[place] !== undefined || path === '') return place;
  return find(path.slice(0, Math.max(path.lastIndexOf('/'), 0)), name);
}

const lost = new Set();
const unlisted = new Set();
for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
  if (!isInstalled(path)) continue;
  for (const name of Object.keys(optionalDependencies)) {
    const place = find(path, name);
    if (packages[place] === undefined) unlisted.add(name);
    else if (isForHere(packages[place]) && !isInstalled(place)) lost.add(name);
  }
}
if (lost.size > 0) {
  console.error(`npm has not installed what this platform needs: ${[...lost].join(', ')}. Run:`);
  console.error('  rm -rf node_modules && npm ci --ignore-scripts --include=optional');
  process.exitCode = 1;
}
if (unlisted.size > 0) {
  console.error(`package-lock.json lacks optional packages: ${[...unlisted].join(', ')}. Run:`);
  console.error(
    '  git checkout package-lock.json   # or rm -rf node_modules package-lock.json && npm install',
  );
  process.exitCode = 1;
}
