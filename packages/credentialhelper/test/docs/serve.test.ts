import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { defineServe } from '../../src/cli/serve/command.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { findThings, optionsOf } from '../../src/settings/load.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const page = readFileSync(new URL('../../../../docs/serve.md', import.meta.url), 'utf8');
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(page)?.[1] ?? '';

it('docs/serve.md lists each metric with its labels', async () => {
  const metrics = createMetrics(() => []);
  const { body } = await metrics.page();
  metrics.close();
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const listed = [...page.matchAll(/^\| `(awsiot_credentialhelper_\w+)` \|/gm)];
  expect(listed.map(([, name]) => name).sort()).toEqual(names.sort());
});

it('docs/serve.md names flags of the command alone', () => {
  const command = new Command('serve');
  defineServe(command);
  const flags = command.options.map(({ long }) => long);
  const text = page.replace(/`--network container:NAME`/, '');
  const named = [...text.matchAll(/(?<=[\s`])--[a-z][a-z-]+/g)].map(([flag]) => flag);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((flag) => !flags.includes(flag))).toEqual([]);
});

it('the file of things in docs/serve.md has the settings of each', async () => {
  const config = join(folder, 'gateway.yaml');
  writeFileSync(config, block('yaml'));
  const things = await findThings({ config }, new Map());
  expect([...things.keys()]).toEqual(['sensor-1', 'sensor-2']);
  const [first, second] = [...things.values()].map(optionsOf);
  expect(first).toMatchObject({
    roleAlias: 'my-role-alias',
    thingName: 'sensor-1',
    privateKey: join(folder, 'sensor-1.key'),
  });
  expect(second).toMatchObject({
    roleAlias: 'my-other-role-alias',
    pkcs11: { privateKeyLabel: 'sensor-2', userPin: { file: join(folder, 'pin') } },
  });
});
