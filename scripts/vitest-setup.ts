// Reports missing requirements of the tests before they run, for users of `npx vitest`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Hides certificates that Node.js would read each time a process starts, which takes longer than most commands do. No
 * test wants them but those that install packages: npm() in package/projects.ts passes them on.
 */
function keepExtraCaCerts(): void {
  const { NODE_EXTRA_CA_CERTS } = process.env;
  if (NODE_EXTRA_CA_CERTS) process.env.NPM_EXTRA_CA_CERTS = NODE_EXTRA_CA_CERTS;
  delete process.env.NODE_EXTRA_CA_CERTS;
}

/** The Debian packages of the tests that are not installed; none without dpkg. */
function missingDebianPackages(): readonly string[] {
  const list = readFileSync(pathOf('debian-packages.txt'), 'utf8');
  const names = list.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const format = `\${Package} \${db:Status-Status}\n`;
  const { stdout, error } = spawnSync(
    'dpkg-query',
    [`--showformat=${format}`, '--show', ...names],
    {
      encoding: 'utf8',
    },
  );
  if (error) return [];
  const installed = stdout.split('\n');
  return names.filter((name) => !installed.includes(`${name} installed`));
}

export function setup(): void {
  keepExtraCaCerts();
  if (
    ['credentialhelper', 'emulator'].some((name) => !existsSync(pathOf(`../packages/${name}/dist`)))
  ) {
    throw new Error('the packages are not built: npm run build');
  }
  const missing = missingDebianPackages();
  if (missing.length > 0) {
    console.warn(`Tests that need ${missing.join(', ')} will fail: npm run setup installs them`);
  }
}
