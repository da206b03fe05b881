// The types of the entries of a package: for the builds of the packages.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes the types of all sources of the package in the working folder. */
export function compileTypes(folder) {
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', folder], {
    stdio: 'inherit',
    // A command of npm is a script there, which only a shell runs.
    shell: process.platform === 'win32',
  });
}

/** What a file of types imports of others, without the extension. */
const RELATIVE = /((?:from |import\()'(\.[^']*))\.ts'/g;

/**
 * Copies the types that entries need.
 *
 * @param entries - the names of their files, without extension
 * @param extension - of the copies, after `.d.`: `ts`, or `cts` for CommonJS
 */
export function writeTypes(entries, { from, to, extension }) {
  const imported = extension.replace('ts', 'js');
  const seen = new Set();
  const write = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = readFileSync(join(from, `${name}.d.ts`), 'utf8');
    const file = join(to, `${name}.d.${extension}`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text.replace(RELATIVE, `$1.${imported}'`));
    for (const [, , path] of text.matchAll(RELATIVE)) write(join(dirname(name), path));
  };
  for (const name of entries) write(name);
}
