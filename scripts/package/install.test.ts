// The packed package in an empty project, installed without install scripts and without optional dependencies.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { build } from 'esbuild';
import { version } from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { Project, run } from '../tools/project.mjs';
import { resolutionsOf, typeCheck } from '../tools/typescript.mjs';
import { Workshop } from './projects.ts';

const workshop = new Workshop();
const { file, files } = await workshop.pack('credentialhelper');
const folder = await workshop.install('empty', [file], '--omit=optional');
const aws = await startEmulator();
afterAll(() => aws.close());
const device = await aws.seed({ thingName: 'my-thing', roleAlias: 'my-alias' });
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const options = write(
  'options.json',
  JSON.stringify({
    ...{ endpoint: aws.credentialsEndpoint, region: aws.region, roleAlias: 'my-alias' },
    certificate: write('cert.pem', device.certificatePem),
    privateKey: write('key.pem', device.privateKeyPem),
    ca: write('ca.pem', aws.ca),
  }),
);

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

const IMPORTS = `import { readFileSync } from 'node:fs';
import { createSession } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
`;
const REQUIRES = `const { readFileSync } = require('node:fs');
const { createSession } = require('awsiot-credentialhelper');
const { openTlsIdentity } = require('awsiot-credentialhelper/tls');
`;
const PROGRAM = `const options = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { certificate, privateKey } = options;
Promise.all([createSession(options).credentials(), openTlsIdentity({ certificate, privateKey })]).then(
  ([{ accessKeyId }, { secureContext }]) => console.log(accessKeyId.slice(0, 4), secureContext !== undefined));
`;

describe('the package in an empty project, without koffi', () => {
  it('is installed with its dependencies only', () => {
    const packages = readdirSync(join(folder, 'node_modules')).filter(
      (name) => !name.startsWith('.'),
    );
    expect(packages).toEqual(
      expect.arrayContaining(['@smithy', 'asn1js', 'awsiot-credentialhelper']),
    );
    expect(packages).not.toContain('koffi');
    expect(readdirSync(join(folder, 'node_modules/.bin'))).toContain('awsiot-credentialhelper');
  });

  it('is installed as a program with its manual page', async () => {
    const prefix = await workshop.installGlobally('global', file);
    expect(readdirSync(join(prefix, 'bin'))).toEqual(['awsiot-credentialhelper']);
    const page = join(prefix, 'share/man/man1/awsiot-credentialhelper.1');
    expect(readFileSync(page, 'utf8')).toContain('.SH NAME');
  });

  it.each([
    ['an ES module', 'program.mjs', IMPORTS],
    ['CommonJS', 'program.cjs', REQUIRES],
  ])('gets credentials from %s with a key in a file', async (_, name, first) => {
    const { printed } = await run(write(name, first + PROGRAM), [options], {});
    expect(printed).toBe('ASIA true');
  });

  it('has each file that it names for bundlers', () => {
    const dist = join(folder, 'node_modules/awsiot-credentialhelper/dist');
    const named = readdirSync(dist)
      .filter((name) => /\.c?js$/.test(name))
      .flatMap((name) => [
        ...readFileSync(join(dist, name), 'utf8').matchAll(/new URL\(\s*[`'"]([^`'"]+)[`'"],/g),
      ])
      .map(([, path = '']) => path);
    expect(named).toContain('./token-request-child.js');
    expect(named.filter((path) => !existsSync(join(dist, path)))).toEqual([]);
  });

  it('gets credentials in a bundle', async () => {
    const outfile = join(workshop.folder, 'bundle.mjs');
    const stdin = { contents: IMPORTS + PROGRAM, resolveDir: folder };
    const bundling = { bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' } as const;
    const { warnings } = await build({ ...bundling, stdin, outfile });
    expect(warnings).toEqual([]);
    expect((await run(outfile, [options], {})).printed).toBe('ASIA true');
  });

  it('reports that a key in a token needs koffi', async () => {
    const program = write(
      'token.mjs',
      `import { readFileSync } from 'node:fs';
import { createSession } from 'awsiot-credentialhelper';
const { privateKey, ...options } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const pkcs11 = { library: options.certificate, userPin: '1234', tokenLabel: 'my-token' };
createSession({ ...options, pkcs11 }).credentials().catch(({ code }) => console.log(code));
`,
    );
    const { printed } = await run(program, [options], {});
    expect(printed).toBe('ERR_PKCS11_BINDING');
  });

  it('has a command that runs', async () => {
    const main = join(folder, 'node_modules/awsiot-credentialhelper/dist/cli/main.js');
    const { status, printed } = await run(main, ['token', '--help'], {});
    expect(status).toBe(0);
    expect(printed).toContain('Usage: awsiot-credentialhelper token');
  });
});

describe('the packed package', () => {
  it('contains the build, without sources and tests', () => {
    const others = files.filter((name) => !name.startsWith('dist/'));
    expect(others.toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'config.schema.json',
      'man/awsiot-credentialhelper.1',
      'package.json',
    ]);
  });
});

describe('the types of the package', async () => {
  // TypeScript 7 has no node10; the version of this repository has the rest.
  const tools = ['typescript@5.9.3', '@types/node@20.19.43'];
  const project = new Project(
    await workshop.install('typescript', [file, ...tools], '--omit=optional'),
  );

  it('are found by TypeScript 5 with the module resolution node10', async () => {
    expect(await typeCheck(project, 'node10')).toBe('');
  });

  it.each(resolutionsOf(version))(
    'are found by TypeScript as it resolves modules: %s',
    async (resolution) => {
      expect(await typeCheck(project, resolution, TSC)).toBe('');
    },
  );
});
