import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Format } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const child = join(root, 'packages/credentialhelper/dist/token-request-child.js');

/** Creates a folder with or without koffi. */
function makeFolder(name: string, hasKoffi: boolean): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  if (hasKoffi) symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  return path;
}

const alone = makeFolder('alone', false);
const withKoffi = makeFolder('with-koffi', true);
const pkcs11 = {
  library: SOFTHSM_LIBRARY,
  userPin: PIN,
  tokenLabel: 'the-token',
  privateKeyLabel: 'key',
};

/** Runs a bundle; returns its access key id, or the error's code, message and hint. */
async function run(bundle: string, options: object): Promise<string> {
  const base = {
    endpoint: server.endpoint,
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: device.certificateFile,
    ca: server.caFile,
  };
  const given = JSON.stringify({ ...base, ...options });
  const { stdout } = await promisify(execFile)(process.execPath, [bundle, given]);
  return stdout.trim();
}

const PROGRAM = `fromIotCore(JSON.parse(process.argv[2]))().then(
  ({ accessKeyId }) => console.log(accessKeyId),
  ({ code, message, hint }) => console.log(code + ': ' + message + '; ' + hint),
);`;
const IMPORT = "import { fromIotCore } from 'awsiot-credentialhelper';";
const REQUIRE = "const { fromIotCore } = require('awsiot-credentialhelper');";

describe.each<[string, string, Format]>([
  ['a module', IMPORT, 'esm'],
  ['a module as CommonJS', IMPORT, 'cjs'],
  ['CommonJS', REQUIRE, 'cjs'],
])('a bundle of %s, with nothing left out', async (name, first, format) => {
  const bundles = await Promise.all(
    [alone, withKoffi].map(async (place) => {
      const outfile = join(place, `${name.replaceAll(' ', '-')}.${format === 'esm' ? 'm' : 'c'}js`);
      const stdin = { contents: `${first}\n${PROGRAM}`, resolveDir: root };
      await build({
        ...{ stdin, outfile, format, bundle: true, minify: true, platform: 'node' },
        logLevel: 'silent',
      });
      return outfile;
    }),
  );
  const [bundle, bundleWithKoffi] = bundles as [string, string];

  it('gets credentials with a key from a file', async () => {
    expect(await run(bundle, { privateKey: device.keyFile })).toBe(credentials.accessKeyId);
  });

  it('reports that a key in a token needs the program of the child process', async () => {
    expect(await run(bundleWithKoffi, { pkcs11 })).toMatch(
      /^ERR_CHILD_PROGRAM: .*is missing.*as external.*"pkcs11.isolate": false/,
    );
  });

  it('gets them with a key in a token in this process, with koffi beside it', async () => {
    const options = { pkcs11: { ...pkcs11, isolate: false } };
    expect(await run(bundleWithKoffi, options)).toBe(credentials.accessKeyId);
    expect(await run(bundle, options)).toMatch(/^ERR_PKCS11_BINDING: /);
  });

  it('gets them with a key in a token and a copy of the program of the child process', async () => {
    const program = join(withKoffi, 'child.js');
    copyFileSync(child, program);
    const options = { pkcs11: { ...pkcs11, isolate: { program } } };
    expect(await run(bundle, options)).toBe(credentials.accessKeyId);
  });
});

describe('a copy of the program of the child process', () => {
  const bundle = join(withKoffi, 'bundle.mjs');
  const setUp = build({
    ...{ stdin: { contents: `${IMPORT}\n${PROGRAM}`, resolveDir: root }, outfile: bundle },
    ...{ format: 'esm', bundle: true, platform: 'node' },
  });
  const runCopy = async (place: string, name: string): Promise<string> => {
    await setUp;
    const program = join(place, name);
    copyFileSync(child, program);
    return run(bundle, { pkcs11: { ...pkcs11, isolate: { program } } });
  };

  it.each([
    ['child.mjs', undefined],
    ['child.cjs', undefined],
    ['child', undefined],
    ['child.js', {}],
    ['child.js', { type: 'commonjs' }],
    ['child.js', { type: 'module' }],
  ])('runs as %s in a package %j', async (name, manifest) => {
    const place = makeFolder(`copy-${Math.random()}`, true);
    if (manifest) writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
    expect(await runCopy(place, name)).toBe(credentials.accessKeyId);
  });

  it('reports where it looks for koffi, and does not blame the library', async () => {
    const outcome = await runCopy(alone, 'child.js');
    expect(outcome).toMatch(/^ERR_CHILD_PROGRAM: .*cannot find .*koffi from .*alone.*node_modules/);
    expect(outcome).not.toContain(SOFTHSM_LIBRARY);
  });
});
