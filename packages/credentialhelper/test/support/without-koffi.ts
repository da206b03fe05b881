import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Copies the built package to a folder with its dependencies, without koffi.
 *
 * @returns the folder `dist` of the copy
 */
export function copyWithoutKoffi(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const dist = join(folder, 'dist');
  cpSync(join(PACKAGE, 'dist'), dist, { recursive: true });
  cpSync(join(PACKAGE, 'package.json'), join(folder, 'package.json'));
  for (const name of Object.keys(manifest.dependencies)) {
    const target = join(folder, 'node_modules', name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(packageFolder(name), target);
  }
  return dist;
}

function packageFolder(name: string): string {
  const file = fileURLToPath(import.meta.resolve(name));
  const end = file.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length;
  return file.slice(0, end);
}
