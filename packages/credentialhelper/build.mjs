// Builds dist: a bundled file for each entry, files beside it for what it loads only when it needs it, and the types.
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { packagesIn, writeNotices } from '../../scripts/notices.mjs';
import { compileTypes, writeTypes } from '../../scripts/types.mjs';

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

/** CommonJS starts faster. */
const COMMAND_LINE = { format: 'cjs', minify: true, dynamicImportInCjs: false };

/** What `credential-process` needs to find its settings: a file with all that it needs. */
const CREDENTIAL_PROCESS = /cli\/start\.ts$/;
/** What the other commands have in common: another one. */
const PROGRAM = /cli\/program\.ts$/;
/** What gets credentials: another file with all that it needs. */
const GETS_CREDENTIALS = /(?:credentials\/source|session\/shared-credentials)\.ts$/;

/** The folders of the packages of which a part is bundled. */
const bundledFolders = new Set();

/** Bundles an entry, or entries by the names of their files without extension. */
async function bundle(input, output, options = {}) {
  const build = await rolldown({
    input,
    platform: 'node',
    external: ['koffi', 'asn1js'],
    onLog: (level, log) => {
      // Some files load at once what others load later.
      if (log.code === 'INEFFECTIVE_DYNAMIC_IMPORT') return;
      throw new Error(`${level}: ${log.message}`);
    },
    ...options,
  });
  const { output: chunks } = await build.write({ ...OUTPUT, ...output });
  await build.close();
  for (const folder of packagesIn(chunks)) bundledFolders.add(folder);
}

/** Bundles sources of this package. */
async function bundleSources(input, output, define = {}, { plugins = [], ...options } = {}) {
  await bundle(input, output, {
    ...options,
    // Node.js 20.19.
    transform: {
      target: 'es2023',
      define: {
        PACKAGE_VERSION: JSON.stringify(version),
        // So that no condition is left: bundlers of others look at both of its paths.
        IS_COMMAND_LINE: 'undefined',
        ...define,
      },
    },
    plugins: [bundledBeside(output.dir ?? dirname(output.file)), withoutChildProcess, ...plugins],
  });
}

/** The AWS SDK's loader of profiles. */
const PROFILES = '@smithy/core/config';

/** Packages of which few programs need a few exports: each is a file of `dist/bundled`, loaded when it is needed. */
const BUNDLED = {
  yaml: { names: ['parse'] },
  [PROFILES]: { names: ['externalDataInterceptor', 'loadSharedConfigFiles'] },
  'prom-client': {
    from: resolve('bundled/prom-client.mjs'),
    names: ['Counter', 'Gauge', 'Histogram', 'Registry'],
  },
  // Without the default chain of credentials: the session has its own.
  '@aws-sdk/client-sts': {
    names: ['STSClient', 'GetCallerIdentityCommand'],
    alias: { '@aws-sdk/credential-provider-node': resolve('bundled/no-default-credentials.mjs') },
  },
};
const fileOf = (name) => `${name.replaceAll(/\W+/g, '-').replace(/^-/, '')}.js`;

/** Leaves the bundled packages out of the files of a folder. */
const bundledBeside = (folder) => ({
  name: 'bundled',
  resolveId(name) {
    // The command line reads a profile at each start: its copy is CommonJS, which is loaded faster.
    const isCommandLine = folder === 'dist.new/cli';
    if (!(name in BUNDLED) || (isCommandLine && name === PROFILES)) return null;
    const beside = isCommandLine ? '../bundled' : './bundled';
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
  for (const [name, { names, from = name, alias = {} }] of Object.entries(BUNDLED)) {
    const entry = {
      name: 'entry',
      resolveId: (id) => (id === ENTRY ? resolve(ENTRY) : null),
      load: (id) =>
        id === resolve(ENTRY) ? `export { ${names.join(', ')} } from '${from}';` : null,
    };
    await bundle(
      ENTRY,
      {
        ...ONE_FILE,
        file: `dist.new/bundled/${fileOf(name)}`,
        format: 'esm',
        minify: true,
        sourcemap: false,
      },
      { plugins: [entry], resolve: { alias, mainFields: ['module', 'main'] } },
    );
  }
}
const ENTRY = 'bundled-entry.js';

const remove = (folder) => rmSync(folder, { recursive: true, force: true });

// Built beside, so that what runs meanwhile finds the old build or the new one.
remove('dist.new');
try {
  compileTypes('dist.types');
  writeTypes(ENTRIES, { from: 'dist.types', to: 'dist.new', extension: 'ts' });
  writeTypes(ENTRIES, { from: 'dist.types', to: 'dist.new/cjs', extension: 'cts' });
  // What an entry loads only when it needs it stands in a file beside it. Entries share nothing, so that each is few files.
  for (const name of ENTRIES) {
    const input = { [name]: `src/${name}.ts` };
    await bundleSources(input, { dir: 'dist.new', format: 'esm' });
    await bundleSources(input, { ...ONE_FILE, file: `dist.new/${name}.cjs`, format: 'cjs' });
  }
  await bundleSources(
    'src/token-request-child.ts',
    { ...EITHER, file: 'dist.new/token-request-child.js' },
    { 'import.meta.url': 'undefined' },
  );
  const define = { IS_COMMAND_LINE: 'true' };
  // Most calls need no more than this file.
  await bundleSources(
    'src/cli/main.ts',
    { ...COMMAND_LINE, ...ONE_FILE, file: 'dist.new/cli/main.js' },
    define,
  );
  const programs = ['start', 'worker-child', 'inspect-child'];
  await bundleSources(
    Object.fromEntries(programs.map((name) => [name, `src/cli/${name}.ts`])),
    {
      ...COMMAND_LINE,
      dir: 'dist.new/cli',
      codeSplitting: {
        groups: [
          { name: 'process', test: CREDENTIAL_PROCESS, priority: 2 },
          { name: 'program', test: PROGRAM, priority: 1 },
          { name: 'credentials', test: GETS_CREDENTIALS },
        ],
      },
    },
    define,
    // The code that all commands need stands in the entry, and not in a file that it loads.
    { preserveEntrySignatures: 'allow-extension' },
  );
  writeFileSync('dist.new/cli/package.json', '{ "type": "commonjs" }\n');
  chmodSync('dist.new/cli/main.js', 0o755);
  await buildBundled();
  writeNotices(bundledFolders, 'dist.new/bundled/NOTICES.txt');
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
