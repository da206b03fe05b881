// Builds dist: a bundled file for each entry, files beside it for what it loads only when it needs it, and the types.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
  splitting: true,
  chunkNames: '[name]-[hash]',
  define: { PACKAGE_VERSION: JSON.stringify(version) },
};

const remove = (folder) => rmSync(folder, { recursive: true, force: true });

// Built beside, so that what runs meanwhile finds the old build or the new one.
remove('dist.new');
try {
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', 'dist.new'], { stdio: 'inherit' });
  // What an entry loads only when it needs it stands in a file beside it. Entries share nothing, so that each is few files.
  for (const [folder, entryPoints] of [
    ['.', { index: 'src/index.ts' }],
    ['.', { tls: 'src/tls.ts' }],
    ['.', { 'token-request-child': 'src/isolation/token-request-child.ts' }],
    [
      'cli',
      {
        main: 'src/cli/main.ts',
        'worker-child': 'src/cli/worker-child.ts',
        'inspect-child': 'src/token/inspect-child.ts',
      },
    ],
  ]) {
    await build({ ...OPTIONS, entryPoints, outdir: `dist.new/${folder}` });
  }
  chmodSync('dist.new/cli/main.js', 0o755);
  remove('dist');
  renameSync('dist.new', 'dist');
} catch (error) {
  // An old build, or half a new one, is worse than none.
  remove('dist');
  remove('dist.new');
  throw error;
}
