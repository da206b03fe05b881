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
import { rolldown } from 'rolldown';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** For all bundles: the names of functions stay, for stack traces. */
const OUTPUT = {
  sourcemap: true,
  minify: { compress: true, mangle: false, codegen: true },
  chunkFileNames: '[name]-[hash].js',
};

/** The entries of the package. */
const ENTRIES = ['index', 'tls'];

/** One file, also with what it may load later. */
const ONE_FILE = { codeSplitting: false };

/**
 * For a program that bundlers and people copy: without an import or export, it runs as a module and as CommonJS,
 * whatever its name is and wherever it is.
 */
const EITHER = {
  ...ONE_FILE,
  format: 'cjs',
  postBanner: '((require) => {',
  postFooter: '})(process.getBuiltinModule);',
};

/** Bundles entries: names of files without their extension, and their sources. */
async function bundle(input, output, define = {}) {
  const folder = output.dir ?? dirname(output.file);
  const build = await rolldown({
    input,
    platform: 'node',
    // Node.js 20.19.
    transform: { target: 'es2023', define: { PACKAGE_VERSION: JSON.stringify(version), ...define } },
    external: ['koffi', 'asn1js', '@smithy/types'],
    plugins: [bundledBeside(folder), withoutChildProcess],
    onLog: (level, log) => {
      throw new Error(`${level}: ${log.message}`);
    },
  });
  await build.write({ ...OUTPUT, ...output });
  await build.close();
}

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

/** Leaves the bundled packages out of the files of a folder. */
const bundledBeside = (folder) => ({
  name: 'bundled',
  resolveId(name) {
    if (!(name in BUNDLED)) return null;
    const beside = folder === 'dist.new' ? './bundled' : '../bundled';
    return { id: `${beside}/${fileOf(name)}`, external: true };
  },
});

/** Commander would load `node:child_process`, for commands that are other programs: there are none here. */
const withoutChildProcess = {
  name: 'without-child-process',
  resolveId(name, importer) {
    const isCommander = importer?.includes('/commander/') && name === 'node:child_process';
    return isCommander ? NOTHING : null;
  },
  load: (id) => (id === NOTHING ? 'export {};' : null),
};
const NOTHING = '\0nothing';

async function buildBundled() {
  for (const [name, from] of Object.entries(BUNDLED)) {
    const build = await rolldown({ input: from, platform: 'node' });
    const file = `dist.new/bundled/${fileOf(name)}`;
    await build.write({ ...OUTPUT, ...ONE_FILE, file, format: 'esm', minify: true, sourcemap: false });
    await build.close();
  }
}

/** The licences of the packages that are bundled. */
function writeNotices(file) {
  const notices = ['@smithy/core/config', 'yaml', 'fastest-levenshtein', 'commander'].map(
    (name) => `${name}\n\n${licenceFor(dirname(fileURLToPath(import.meta.resolve(name))))}`,
  );
  writeFileSync(file, `Parts of these packages are bundled.\n\n${notices.join('\n')}`);
}

/** The licence of the package that a folder belongs to. */
function licenceFor(folder) {
  const file = ['LICENSE', 'LICENSE.md'].map((name) => join(folder, name)).find(existsSync);
  return file === undefined ? licenceFor(dirname(folder)) : readFileSync(file, 'utf8');
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
  for (const name of ENTRIES) {
    const input = { [name]: `src/${name}.ts` };
    await bundle(input, { dir: 'dist.new', format: 'esm' });
    await bundle(input, { ...ONE_FILE, file: `dist.new/${name}.cjs`, format: 'cjs' });
  }
  await bundle(
    'src/token-request-child.ts',
    { ...EITHER, file: 'dist.new/token-request-child.js' },
    { 'import.meta.url': 'undefined' },
  );
  // CommonJS starts faster.
  const programs = ['main', 'worker-child', 'inspect-child'];
  await bundle(
    Object.fromEntries(programs.map((name) => [name, `src/cli/${name}.ts`])),
    { dir: 'dist.new/cli', format: 'cjs' },
    { IS_COMMAND_LINE: 'true' },
  );
  writeFileSync('dist.new/cli/package.json', '{ "type": "commonjs" }\n');
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
