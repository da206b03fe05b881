// Bundles a program with each bundler's defaults, and runs the bundle in a folder without node_modules, and with koffi.
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DIST } from '../device.mjs';
import { check, head, OK, run } from './project.mjs';

const PROGRAM = `
const { session, identity } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
(async () => (session ? createSession(session).credentials() : openTlsIdentity(identity)))().then(
  () => console.log(JSON.stringify({ code: 'credentials' })),
  ({ name, code = name, message, hint }) => console.log(JSON.stringify({ code, message, hint })),
);`;

const ENTRIES = {
  'entry.mjs': `import { readFileSync } from 'node:fs';
import { createSession } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';${PROGRAM}`,
  'entry.cjs': `const { readFileSync } = require('node:fs');
const { createSession } = require('awsiot-credentialhelper');
const { openTlsIdentity } = require('awsiot-credentialhelper/tls');${PROGRAM}`,
};

/** The module formats of a program and of its bundle. */
const FORMS = [
  ['ESM', 'entry.mjs', 'esm'],
  ['ESM to CommonJS', 'entry.mjs', 'cjs'],
  ['CommonJS', 'entry.cjs', 'cjs'],
];

/** Each takes an entry, the format and a folder, writes `bundle.mjs` or `bundle.cjs`, and returns the warnings. */
const BUNDLERS = {
  async esbuild({ build }, entry, format, outdir) {
    const { warnings } = await build({
      ...{
        entryPoints: { bundle: entry },
        outdir,
        format,
        outExtension: { '.js': extension(format) },
      },
      ...{ bundle: true, minify: true, platform: 'node', logLevel: 'silent' },
    });
    return warnings.map(({ text }) => text);
  },
  async rollup({ rollup }, entry, format, dir, project) {
    const { nodeResolve } = await project.import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await project.import('@rollup/plugin-commonjs');
    const warnings = [];
    const bundle = await rollup({
      input: { bundle: entry },
      plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
      onwarn: ({ message }) => warnings.push(message),
    });
    const names = `[name]${extension(format)}`;
    await bundle.write({ dir, format, entryFileNames: names, chunkFileNames: names });
    await bundle.close();
    return warnings;
  },
  async vite({ build, createLogger }, entry, format, outDir, project) {
    const warnings = [];
    const names = `[name]${extension(format)}`;
    const logger = { ...createLogger('silent'), warn: (message) => warnings.push(message) };
    const { NODE_ENV } = process.env;
    await build({
      ...{ root: project.folder, configFile: false, logLevel: 'silent', customLogger: logger },
      ssr: { noExternal: true },
      build: {
        ...{ ssr: true, outDir, emptyOutDir: false },
        rollupOptions: {
          input: { bundle: entry },
          output: { format, entryFileNames: names, chunkFileNames: names },
        },
      },
    });
    // Production mode, also for child processes.
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    return warnings;
  },
  webpack: ({ default: webpack }, ...rest) => withWebpack(webpack, ...rest),
  '@rspack/core': ({ rspack }, ...rest) => withWebpack(rspack, ...rest),
};

function extension(format) {
  return format === 'esm' ? '.mjs' : '.cjs';
}

async function withWebpack(webpack, entry, format, path) {
  const isModule = format === 'esm';
  const compiler = webpack({
    ...{ mode: 'production', target: 'node20', context: path, entry: { bundle: entry } },
    output: {
      ...{ path, filename: `[name]${extension(format)}`, module: isModule },
      ...(isModule ? { chunkFormat: 'module', chunkFilename: '[id].mjs' } : {}),
    },
    ...(isModule && webpack.rspackVersion === undefined
      ? { experiments: { outputModule: true } }
      : {}),
  });
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, result) => (error ? reject(error) : resolve(result)));
  });
  await new Promise((resolve) => compiler.close(resolve));
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  return [...errors, ...warnings].map(({ message }) => message);
}

/** The task of the program, its expected result, and whether koffi is beside the bundle. */
function waysOf({ common, inFile, inToken, inTokenWith }, program, emitsChild) {
  const missing = 'ERR_CHILD_PROGRAM';
  const session = (options) => ({ session: { ...common, ...options } });
  const { certificate, ca } = common;
  return {
    'key in a file': [session(inFile), OK, false],
    'key in a token, no koffi': [session(inToken), missing, false],
    'key in a token': [session(inToken), emitsChild ? OK : missing, true],
    '`{ program }`': [session(inTokenWith({ program })), OK, true],
    '`isolate: false`': [session(inTokenWith(false)), OK, true],
    'TLS identity': [{ identity: { certificate, ca, ...inToken } }, OK, true],
  };
}

/** Bundles with each of them, and prints a row for each bundle. */
export async function tryBundlers(project, device) {
  head(['bundler', 'program', 'warnings', ...Object.keys(waysOf(device, '', false))]);
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    const tool = await project.import(name);
    for (const [form, entry, format] of FORMS) {
      const folder = join(device.folder, 'bundle');
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      const source = project.write(entry, ENTRIES[entry]);
      const warnings = await bundle(tool, source, format, folder, project).catch((error) => [
        error,
      ]);
      const built = { came: String(warnings.length), expected: '0', details: warnings };
      // These two copy the program of the child process if they see its URL in a module.
      const emitsChild = /webpack|rspack/.test(name) && entry.endsWith('.mjs');
      const outcomes = await runBundle(project, device, folder, extension(format), emitsChild);
      check([`${name} ${project.version(name)}`, form], [built, ...outcomes]);
    }
  }
}

async function runBundle(project, device, folder, end, emitsChild) {
  const program = join(folder, 'copy', 'child.js');
  const modules = join(folder, 'node_modules');
  mkdirSync(join(folder, 'copy'));
  copyFileSync(join(DIST, 'token-request-child.js'), program);
  const outcomes = [];
  for (const way of Object.values(waysOf(device, program, emitsChild))) {
    const [what, expected, hasKoffi] = way;
    if (hasKoffi && !existsSync(modules)) symlinkSync(project.path('node_modules'), modules);
    const request = device.write('request.json', JSON.stringify(what));
    const { printed } = await run(join(folder, `bundle${end}`), [request], { cwd: folder });
    const { code, ...details } = parse(printed);
    outcomes.push({ came: code, expected, details });
  }
  return outcomes;
}

function parse(printed) {
  try {
    return JSON.parse(printed);
  } catch {
    return { code: 'no answer', printed };
  }
}
