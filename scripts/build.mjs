// Builds the packages, and links their commands for npx: npm run build
//   node scripts/build.mjs [--stale] [PACKAGE ...]   with --stale only those with a source that is newer than the build
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: { stale: { type: 'boolean', default: false } },
  allowPositionals: true,
});

/**
 * The latest modification time of files and folders. A folder's changes with its entries, so a removed file is
 * detected.
 */
function newest(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats?.mtimeMs ?? 0;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale(folder) {
  const built = statSync(join(folder, 'dist/index.js'), { throwIfNoEntry: false });
  const sources = ['src', 'build.mjs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  const times = sources.map((name) => newest(join(folder, name)));
  return Math.max(...times, newest(join(root, 'tsconfig.base.json'))) > (built?.mtimeMs ?? 0);
}

function run(command, stdout = 'inherit') {
  const stdio = ['inherit', stdout, 'inherit'];
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio });
  if (status !== 0) process.exit(status ?? 1);
}

run('node scripts/optional-packages.mjs');
const folders = positionals.length > 0 ? positionals : ['credentialhelper', 'emulator'];
for (const folder of folders) {
  if (values.stale && !isStale(join(root, 'packages', folder))) continue;
  if (values.stale) console.log(`building packages/${folder}`);
  run(`npm run --silent build --workspace packages/${folder}`);
}
// npm links commands during installation, and only existing ones.
const commands = folders.map(
  (folder) => JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')).name,
);
if (commands.some((name) => !existsSync(join(root, 'node_modules/.bin', name)))) {
  run(`npm rebuild --ignore-scripts ${commands.join(' ')}`, 'ignore');
}
