import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import { afterAll, expect, it } from 'vitest';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const DOCKERFILE = readFileSync(pathOf('Dockerfile'), 'utf8');
const README = readFileSync(pathOf('README.md'), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'docker-emulator-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('the Dockerfile is valid, and has the version of the package and a user without privileges', () => {
  expect(validate(DOCKERFILE)).toEqual([]);
  expect([...DOCKERFILE.matchAll(/^USER (.*)$/gm)].at(-1)?.[1]).toBe('node');
  const manifest = JSON.parse(readFileSync(pathOf('../../packages/emulator/package.json'), 'utf8'));
  expect(DOCKERFILE).toContain(`${manifest.name}@${manifest.version} `);
  expect(DOCKERFILE).toContain(`\nENTRYPOINT ${JSON.stringify(Object.keys(manifest.bin))}\n`);
});

it('the test of the README works with the command of the Dockerfile', async () => {
  const [, example = ''] = /```js\n([^`]*(?:`[^`]+`[^`]*)*)```/.exec(README) ?? [];
  const modules = join(folder, 'node_modules');
  const container = join(folder, 'container');
  for (const made of [modules, container]) mkdirSync(made);
  for (const name of ['@aws-sdk', 'awsiot-credentialhelper']) {
    symlinkSync(pathOf(`../../node_modules/${name}`), join(modules, name));
  }
  mkdirSync(join(modules, 'testcontainers'));
  writeFileSync(
    join(modules, 'testcontainers/index.mjs'),
    readFileSync(pathOf('testcontainers.mjs')),
  );
  writeFileSync(
    join(modules, 'testcontainers/package.json'),
    JSON.stringify({ exports: './index.mjs' }),
  );
  const file = join(folder, 'example.mjs');
  writeFileSync(file, example);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], {
    env: {
      ...process.env,
      DOCKERFILE: pathOf('Dockerfile'),
      EMULATOR: pathOf('../../packages/emulator/dist/cli/main.js'),
      CONTAINER: container,
    },
  });
  const [ready = '', arn, ...more] = stdout.split('\n');
  expect(JSON.parse(ready).credentialsEndpoint).toMatch(/^emulator:\d+$/);
  expect(arn).toMatch(/^arn:aws:sts::123456789012:assumed-role\/my-alias-role\/[0-9a-f]{64}$/);
  expect(more).toEqual(['']);
  expect(stderr).toMatch(
    /^awsiot-credentialhelper-emulator: warning: it listens on all interfaces: [^\n]+\n$/,
  );
});
