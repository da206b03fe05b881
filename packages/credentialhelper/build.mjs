// Builds dist: a bundled file for each entry, files beside it for what it loads only when it needs it, and the types.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['koffi', 'asn1js', 'commander', '@smithy/types'],
  sourcemap: true,
  logLevel: 'warning',
  splitting: true,
  chunkNames: '[name]-[hash]',
  define: { PACKAGE_VERSION: JSON.stringify(version) },
};

/** The entries of the package. */
const ENTRIES = ['index', 'tls'];

/** For those who call require(). One file each, with all that it may need: esbuild splits modules only. */
const COMMONJS = {
  format: 'cjs',
  splitting: false,
  banner: { js: "const fileUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { ...OPTIONS.define, 'import.meta.url': 'fileUrl' },
};

/**
 * For a program that bundlers and people copy: without an import or export, it runs as a module and as CommonJS,
 * whatever its name is and wherever it is.
 */
const EITHER = {
  format: 'iife',
  splitting: false,
  banner: { js: '((require) => {' },
  footer: { js: '})(process.getBuiltinModule);' },
  define: { ...OPTIONS.define, 'import.meta.url': 'undefined' },
};

/** Writes the types that the entries need, for modules or for CommonJS. */
function writeTypes(from, to, extension, imported) {
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
  for (const name of ENTRIES) write(name);
}

/** What a file of types imports of others, without the extension. */
const RELATIVE = /((?:from |import\()'(\.[^']*))\.ts'/g;

/**
 * Packages that few programs need, or of which they need a small part: each is a file of `dist/bundled`, loaded when it is
 * needed. The entry of `yaml` for Node.js is CommonJS, which cannot be bundled in a module.
 */
const BUNDLED = {
  yaml: fileURLToPath(new URL('browser/index.js', import.meta.resolve('yaml/package.json'))),
  '@smithy/core/config': '@smithy/core/config',
};
const fileOf = (name) => `${name.replaceAll(/\W+/g, '-').replace(/^-/, '')}.js`;

/** Leaves the bundled packages out of a file of a folder. */
const bundledBeside = (folder) => ({
  name: 'bundled',
  setup({ onResolve }) {
    const names = new RegExp(`^(?:${Object.keys(BUNDLED).join('|')})$`);
    const beside = folder === '.' ? './bundled' : '../bundled';
    onResolve({ filter: names }, ({ path }) => ({
      path: `${beside}/${fileOf(path)}`,
      external: true,
    }));
  },
});

async function buildBundled() {
  for (const [name, from] of Object.entries(BUNDLED)) {
    await build({
      ...OPTIONS,
      stdin: { contents: `export * from ${JSON.stringify(from)};`, resolveDir: '.' },
      minify: true,
      sourcemap: false,
      splitting: false,
      outfile: `dist.new/bundled/${fileOf(name)}`,
    });
  }
}

/** The licences of the packages that are bundled. */
function writeNotices(file) {
  const notices = ['@smithy/core', 'yaml', 'fastest-levenshtein'].map((name) => {
    const folder = dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)));
    const licence = ['LICENSE', 'LICENSE.md'].map((each) => join(folder, each)).find(existsSync);
    return `${name}\n\n${readFileSync(licence, 'utf8')}`;
  });
  writeFileSync(file, `Parts of these packages are bundled.\n\n${notices.join('\n')}`);
}

const remove = (folder) => rmSync(folder, { recursive: true, force: true });

// Built beside, so that what runs meanwhile finds the old build or the new one.
remove('dist.new');
try {
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', 'dist.types'], {
    stdio: 'inherit',
    // A command of npm is a script there, which only a shell runs.
    shell: process.platform === 'win32',
  });
  writeTypes('dist.types', 'dist.new', 'ts', 'js');
  writeTypes('dist.types', 'dist.new/cjs', 'cts', 'cjs');
  // What an entry loads only when it needs it stands in a file beside it. Entries share nothing, so that each is few files.
  for (const [folder, entryPoints] of [
    ['.', { index: 'src/index.ts' }],
    ['.', { tls: 'src/tls.ts' }],
    [
      'cli',
      {
        main: 'src/cli/main.ts',
        'worker-child': 'src/cli/worker-child.ts',
        'inspect-child': 'src/cli/inspect-child.ts',
      },
    ],
  ]) {
    const define = folder === 'cli' ? { ...OPTIONS.define, IS_COMMAND_LINE: 'true' } : OPTIONS.define;
    const plugins = [bundledBeside(folder)];
    await build({ ...OPTIONS, define, plugins, entryPoints, outdir: `dist.new/${folder}` });
  }
  for (const name of ENTRIES) {
    await build({
      ...OPTIONS,
      ...COMMONJS,
      plugins: [bundledBeside('.')],
      entryPoints: [`src/${name}.ts`],
      outfile: `dist.new/${name}.cjs`,
    });
  }
  await build({
    ...OPTIONS,
    ...EITHER,
    entryPoints: ['src/token-request-child.ts'],
    outdir: 'dist.new',
  });
  chmodSync('dist.new/cli/main.js', 0o755);
  await buildBundled();
  writeNotices('dist.new/bundled/NOTICES.txt');
  remove('dist');
  renameSync('dist.new', 'dist');
} catch (error) {
  // An old build, or half a new one, is worse than none.
  remove('dist');
  remove('dist.new');
  throw error;
} finally {
  remove('dist.types');
}
