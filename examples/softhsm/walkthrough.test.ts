import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../who-am-i.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'softhsm-example-'));
const aws = await startEmulator({ dir: join(folder, 'aws') });
afterAll(async () => {
  await aws.close();
  rmSync(folder, { recursive: true, force: true });
});
process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
process.env.XDG_STATE_HOME = join(folder, 'state');
process.env.XDG_RUNTIME_DIR = folder;
mkdirSync(join(folder, 'tokens'));
writeFileSync(process.env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, 'tokens')}\n`);

/** The `token` commands of README.md. */
const COMMANDS = [
  ...readFileSync(new URL('README.md', import.meta.url), 'utf8').matchAll(
    /npx (awsiot-credentialhelper token (?:.*\\\n)*.*)\n/g,
  ),
].map(([, command = '']) => command);
const BIN = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
process.env.PATH = `${BIN}:${process.env.PATH}`;

const shell = (command: string) =>
  execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'pipe' });

it('has the two commands', () => {
  expect(COMMANDS).toHaveLength(2);
});

it('the steps of README.md get credentials of the role', async () => {
  const device = await aws.seed({ thingName: 'my-thing', roleAlias: 'my-alias' });
  writeFileSync(join(folder, 'my-thing-cert.pem'), device.certificatePem);
  writeFileSync(join(folder, 'my-thing-key.pem'), device.privateKeyPem);
  shell('umask 077; openssl rand -hex 8 > pin.txt; openssl rand -hex 8 > so-pin.txt');
  for (const line of COMMANDS) shell(line);
  expect(existsSync(join(folder, 'my-thing-key.pem'))).toBe(false);
  // The emulator runs in this process, so nothing here may block while the program runs.
  const run = (...more: string[]) =>
    new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        [
          ...['--import', 'tsx', PROGRAM],
          ...['--endpoint', aws.credentialsEndpoint],
          ...['--role-alias', 'my-alias', '--thing', 'my-thing'],
          ...['--certificate', join(folder, 'my-thing-cert.pem'), '--token-label', 'my-token'],
          ...['--pin-file', join(folder, 'pin.txt'), '--ca', aws.caFile ?? ''],
          ...['--region', aws.region, '--sts-endpoint', aws.apiEndpoint, ...more],
        ],
        { env: { ...process.env, NODE_NO_WARNINGS: '1' } },
        (error, stdout, stderr) => resolve({ failed: error !== null, stdout, stderr }),
      );
    });
  const good = await run('--key-label', 'my-key');
  expect(good.stderr).toBe('');
  expect(good.stdout).toBe(
    `arn:aws:sts::${aws.accountId}:assumed-role/${device.roleName}/${device.certificateId}\n`,
  );
  const bad = await run('--key-label', 'no-key');
  expect(bad.failed).toBe(true);
  expect(bad.stderr).toMatch(
    /^error: token "my-token" in slot \d+ holds no private key with the label "no-key"/,
  );
});
