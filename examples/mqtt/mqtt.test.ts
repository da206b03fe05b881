import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { prepareBroker } from '../../packages/credentialhelper/test/support/mosquitto.ts';
import { makeSelfSigned } from '../../packages/credentialhelper/test/support/openssl.ts';

const folder = mkdtempSync(join(tmpdir(), 'mqtt-example-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
process.env.XDG_STATE_HOME = join(folder, 'state');
mkdirSync(join(folder, 'tokens'));
writeFileSync(process.env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, 'tokens')}\n`);

it('the command of README.md publishes a message and gets it back', async () => {
  const { keyFile, certificateFile } = makeSelfSigned(folder, 'my-thing');
  writeFileSync(join(folder, 'my-thing-cert.pem'), readFileSync(certificateFile));
  writeFileSync(join(folder, 'pin.txt'), '12345678\n', { mode: 0o600 });
  const pin = ['--so-pin', '12345678', '--pin', '12345678'];
  const softHsm = (...args: string[]) => execFileSync('softhsm2-util', args, { stdio: 'pipe' });
  softHsm('--init-token', '--free', '--label', 'my-token', ...pin);
  softHsm('--import', keyFile, '--token', 'my-token', '--label', 'my-key', '--id', '01', ...pin);
  const broker = await prepareBroker(folder, [certificateFile]);
  await broker.start();

  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const [, command = ''] = /npx tsx (examples\/mqtt\/main\.ts (?:.*\\\n)*.*)\n/.exec(readme) ?? [];
  const [program = '', ...args] = command
    .replace('YOUR-PREFIX-ats.iot.eu-west-1.amazonaws.com', 'localhost')
    .replaceAll('\\\n', '')
    .split(/\s+/);
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [
      ...['--import', fileURLToPath(import.meta.resolve('tsx'))],
      fileURLToPath(new URL(`../../${program}`, import.meta.url)),
      ...[...args, '--port', String(broker.port), '--ca', broker.caFile],
    ],
    { cwd: folder, env: { ...process.env, NODE_NO_WARNINGS: '1' } },
  );
  expect([stdout, stderr]).toEqual(['my-thing/messages: hello\n', '']);
});
