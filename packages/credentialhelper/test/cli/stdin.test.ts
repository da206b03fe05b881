import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { openssl } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);
const { files } = device;
const softHsm = startSoftHsm();
softHsm.initToken('device');
const pkcs8 = join(folder, 'key.pkcs8');
openssl('pkcs8', '-topk8', '-nocrypt', '-in', files.key, '-out', pkcs8);
softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });
const encrypted = join(folder, 'encrypted.pem');
openssl('pkcs8', '-topk8', '-in', files.key, '-out', encrypted, '-passout', `pass:${PIN}`);
writeFileSync(join(folder, 'pin'), PIN, { mode: 0o600 });
const both = join(folder, 'both.pem');
writeFileSync(both, readFileSync(files.certificate, 'utf8') + readFileSync(files.key, 'utf8'));

const env = { ...process.env, ...device.env, AWS_CONFIG_FILE: join(folder, 'none') };
const token = ['--module', SOFTHSM_LIBRARY, '--token-label', 'device', '--label', 'key'];

/** Runs a command in a shell, with a pipe or a file as standard input. */
async function withInput(input: string, how: 'pipe' | 'file', args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(' ');
  const script = how === 'pipe' ? `cat '${input}' | ${command}` : `${command} <'${input}'`;
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', script], { env });
  expect(stderr).toBe('');
  return stdout;
}

describe('standard input', () => {
  it.each<[string, string, readonly string[]]>([
    ['a private key', files.key, ['--private-key', '-']],
    ['a certificate', files.certificate, ['--certificate', '-']],
    ['CA certificates', files.ca, ['--ca', '-']],
    ['certificate and key', both, ['--certificate', '-', '--private-key', '-']],
    ['a passphrase', join(folder, 'pin'), ['--private-key', encrypted, '--passphrase-file', '-']],
    ['a PIN', join(folder, 'pin'), [...token, '--pin-file', '-']],
  ])('is %s', async (_name, input, args) => {
    for (const how of ['pipe', 'file'] as const) {
      const printed = await withInput(input, how, ['credential-process', '--no-cache', ...args]);
      expect(JSON.parse(printed).AccessKeyId).toMatch(/^ASIA/);
    }
  });

  it('is the PIN of a token command', async () => {
    const args = ['token', 'verify', ...token, '--pin-file', '-'];
    expect(await withInput(join(folder, 'pin'), 'pipe', args)).toContain('the key can be used');
  });

  it.each<[readonly string[], string]>([
    [
      ['env', ...token, '--pin-file', '-', '--certificate', '-'],
      '--pin-file and --certificate cannot both be standard input',
    ],
    [
      ['env', '--private-key', '-', '--passphrase-file', '-'],
      '--passphrase-file and --private-key cannot both be standard input',
    ],
    [
      ['exec', '--private-key', '-', '--', 'true'],
      '--private-key cannot be standard input: it is that of the command',
    ],
  ])('is refused for %j', async (args, problem) => {
    const { status, stdout, stderr } = await run(args, { env: device.env });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toContain(problem);
  });
});

describe('an environment variable', () => {
  const texts = {
    AWS_IOT_CERTIFICATE: readFileSync(files.certificate, 'utf8'),
    AWS_IOT_PRIVATE_KEY: readFileSync(files.key, 'utf8'),
    AWS_IOT_CA: readFileSync(files.ca, 'utf8'),
  };
  const all = { ...device.env, ...texts, AWS_CONFIG_FILE: join(folder, 'none') };

  it.each<[string, (pem: string) => string]>([
    ['as it is', (pem) => pem],
    ['with escaped line ends', (pem) => pem.replaceAll('\n', '\\n')],
    ['with spaces for line ends', (pem) => pem.replaceAll('\n', ' ')],
    ['in base64', (pem) => Buffer.from(pem).toString('base64')],
  ])('may be the PEM %s', async (_name, form) => {
    const formed = Object.fromEntries(
      Object.entries(texts).map(([name, pem]) => [name, form(pem)]),
    );
    const { status, stdout, stderr } = await run(['credential-process', '--no-cache'], {
      env: { ...all, ...formed },
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).AccessKeyId).toMatch(/^ASIA/);
  });

  it('with a secret is not passed to the command of exec', async () => {
    const secrets = { AWS_IOT_PASSPHRASE: PIN };
    const { status, stdout } = await run(['exec', '--', 'env'], { env: { ...all, ...secrets } });
    expect(status).toBe(0);
    expect(stdout).toContain('AWS_IOT_ROLE_ALIAS=alias\n');
    expect(stdout).not.toMatch(/^AWS_IOT_(?:PRIVATE_KEY|PASSPHRASE)=/m);
  });
});
