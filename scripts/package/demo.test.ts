// The demo, with the packed packages.
import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { Workshop } from './projects.ts';

it('works in an empty project', async () => {
  const workshop = new Workshop();
  const { file } = await workshop.pack('credentialhelper');
  const { file: emulator } = await workshop.pack('emulator');
  const tsx = `tsx@${manifest.devDependencies.tsx}`;
  const folder = await workshop.install('demo', [file, emulator, '@aws-sdk/client-sts', tsx]);
  cpSync(fileURLToPath(new URL('../../examples/demo', import.meta.url)), join(folder, 'demo'), {
    recursive: true,
  });
  writeFileSync(join(folder, 'demo/package.json'), '{ "type": "module" }');
  const run = promisify(execFile)('npx', ['tsx', 'demo/main.ts'], { cwd: folder });
  expect((await run).stdout.match(/assumed-role\//g)?.length).toBeGreaterThanOrEqual(2);
});
