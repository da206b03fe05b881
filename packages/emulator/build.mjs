// Builds dist: the library and the command line in files with all that they need, their types, and the console as one file for
// browsers.
import { chmodSync, copyFileSync, readFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { packagesIn, writeNotices } from '../../scripts/notices.mjs';
import { compileTypes, writeTypes } from '../../scripts/types.mjs';

const CONSOLE = 'dist/console';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Bundles a part; returns the folders of the packages that are in it. */
async function bundle(options, output) {
  const build = await rolldown({
    onLog: (level, log) => {
      throw new Error(`${level}: ${log.message}`);
    },
    ...options,
  });
  const { output: chunks } = await build.write({ format: 'esm', ...output });
  await build.close();
  return packagesIn(chunks);
}

async function buildLibrary() {
  const bundled = await bundle(
    {
      input: { index: 'src/index.ts', 'cli/main': 'src/cli/main.ts' },
      platform: 'node',
      // Node.js 20.19.
      transform: {
        target: 'es2023',
        define: {
          PACKAGE_VERSION: JSON.stringify(version),
          CONSOLE_FOLDER: JSON.stringify('./console/'),
        },
      },
    },
    {
      dir: 'dist',
      chunkFileNames: '[name]-[hash].js',
      // The names of functions stay, for stack traces.
      minify: { compress: true, mangle: false, codegen: true },
    },
  );
  writeNotices(bundled, 'dist/NOTICES.txt');
}

async function buildConsole() {
  const bundled = await bundle(
    {
      input: 'src/console/main.tsx',
      platform: 'browser',
      tsconfig: 'src/console/tsconfig.json',
      transform: { target: 'es2022' },
    },
    { file: `${CONSOLE}/console.js`, minify: true },
  );
  for (const file of ['index.html', 'console.css']) {
    copyFileSync(`src/console/${file}`, `${CONSOLE}/${file}`);
  }
  writeNotices(bundled, `${CONSOLE}/NOTICES.txt`);
}

const remove = (folder) => rmSync(folder, { recursive: true, force: true });

remove('dist');
try {
  compileTypes('dist.types');
  await buildLibrary();
  writeTypes(['index'], { from: 'dist.types', to: 'dist', extension: 'ts' });
  await buildConsole();
  chmodSync('dist/cli/main.js', 0o755);
} catch (error) {
  // Half a build is worse than none.
  remove('dist');
  throw error;
} finally {
  remove('dist.types');
}
