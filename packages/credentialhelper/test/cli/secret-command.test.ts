import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { openssl } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);
const softHsm = startSoftHsm();
softHsm.initToken('device');
const pkcs8 = join(folder, 'key.pkcs8');
openssl('pkcs8', '-topk8', '-nocrypt', '-in', device.files.key, '-out', pkcs8);
softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });

const log = join(folder, 'runs');
beforeEach(() => rmSync(log, { force: true }));
const runs = () => (existsSync(log) ? readFileSync(log, 'utf8').length : 0);
/** A command that prints a secret and counts its runs. */
const print = (secret: string) => `printf x >>${log}; echo '${secret}'`;
const { AWS_IOT_PRIVATE_KEY: _key, ...settings } = device.env;
const env = (more: Readonly<Record<string, string>>) => ({
  ...settings,
  AWS_CONFIG_FILE: join(folder, 'none'),
  AWS_IOT_PKCS11_LIB: SOFTHSM_LIBRARY,
  ...more,
});
const token = { AWS_IOT_PKCS11_TOKEN_LABEL: 'device', AWS_IOT_PKCS11_KEY_LABEL: 'key' };

describe('a PIN from a command', () => {
  it.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    ['an environment variable', [], { ...token, AWS_IOT_PKCS11_PIN_COMMAND: print(PIN) }],
    ['a flag', ['--pin-command', print(PIN)], token],
    [
      'a URI',
      [],
      {
        AWS_IOT_PKCS11_LIB: '',
        AWS_IOT_PKCS11_URI: `pkcs11:token=device;object=key?module-path=${SOFTHSM_LIBRARY}&pin-source=${encodeURIComponent(`|${print(PIN)}`)}`,
      },
    ],
  ])('named by %s is run once for a fetch', async (_name, args, more) => {
    const { status, stdout, stderr } = await run(['credential-process', '--no-cache', ...args], {
      env: env(more),
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).AccessKeyId).toMatch(/^ASIA/);
    expect(runs()).toBe(1);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'does not survive the %s of the program that waits for it',
    async (signal) => {
      const file = join(folder, `pid-${signal}`);
      const command = `echo $$ >${file}.new; mv ${file}.new ${file}; exec sleep 300`;
      const ended = await run(['credential-process', '--timeout-ms', '60000'], {
        env: env({ ...token, AWS_IOT_PKCS11_PIN_COMMAND: command }),
        signals: { onceThereIs: file, send: [signal] },
      });
      expect(ended).toMatchObject({ signal, stdout: '' });
      const pid = Number(readFileSync(file, 'utf8'));
      await expect.poll(() => existsSync(`/proc/${pid}/fd/1`)).toBe(false);
    },
  );

  it('named by a file of settings needs no shell', async () => {
    const config = join(folder, 'settings.yaml');
    writeFileSync(
      config,
      `pkcs11: { library: ${SOFTHSM_LIBRARY}, tokenLabel: device, privateKeyLabel: key, userPin: { command: [printf, "%s", "${PIN}"] } }\n`,
    );
    const args = ['--config', config];
    const { status, stderr } = await run(['credential-process', '--no-cache', ...args], {
      env: env({ AWS_IOT_PKCS11_LIB: '' }),
    });
    expect([status, stderr]).toEqual([0, '']);
    const shown = await run(['config', 'show', ...args], { env: env({ AWS_IOT_PKCS11_LIB: '' }) });
    expect(shown.stdout).toContain(`pkcs11.userPin = (a command)  (pkcs11.userPin in ${config})`);
  });

  it('is not tried again if the token rejected it', async () => {
    const logins = join(folder, 'logins');
    const library = buildFaultyModule(folder);
    const wrong = plantSecret('wrong-pin-of-a-command');
    const all = env({
      ...token,
      AWS_IOT_PKCS11_LIB: library,
      AWS_IOT_PKCS11_PIN_COMMAND: print(wrong),
      XDG_STATE_HOME: join(folder, 'state'),
      LOGIN_LOG: logins,
    });
    for (let tries = 0; tries < 3; tries++) {
      const { status, stderr } = await run(['credential-process', '--no-cache'], { env: all });
      expect(status).toBe(1);
      expect(stderr).toContain('PIN');
    }
    expect(readFileSync(logins, 'utf8').split('\n').length - 1).toBe(1);
  });

  it('works for token commands', async () => {
    const { status, stdout } = await run([
      ...['token', 'verify', '--module', SOFTHSM_LIBRARY, '--token-label', 'device'],
      ...['--label', 'key', '--pin-command', print(PIN)],
    ]);
    expect([status, runs()]).toEqual([0, 1]);
    expect(stdout).toContain('the key can be used for TLS client authentication');
  });

  it.each<[readonly string[], Readonly<Record<string, string>>, number, string]>([
    [
      ['--pin-command', 'exit 3'],
      token,
      1,
      'the command given as "pkcs11.userPin.command" exited with status 3',
    ],
    [
      ['--pin-command', 'sleep 60', '--timeout-ms', '1000', '--max-wait-ms', '0'],
      token,
      1,
      'did not end within',
    ],
    [
      ['--pin-command', print('other'), '--pin-file', device.files.key],
      token,
      2,
      '"--pin-command" is set, and "--pin-file", too',
    ],
  ])('fails with %j', async (args, more, status, problem) => {
    const done = await run(['credential-process', '--no-cache', ...args], { env: env(more) });
    expect([done.status, done.stdout]).toEqual([status, '']);
    expect(done.stderr.split('\n')[0]).toContain(problem);
  });
});

describe('a passphrase from a command', () => {
  it('decrypts a key', async () => {
    const passphrase = plantSecret('passphrase of a command');
    const key = join(folder, 'encrypted.pem');
    openssl(
      'pkcs8',
      '-topk8',
      '-in',
      device.files.key,
      '-out',
      key,
      '-passout',
      `pass:${passphrase}`,
    );
    const { status, stderr } = await run(['credential-process', '--no-cache'], {
      env: env({
        AWS_IOT_PKCS11_LIB: '',
        AWS_IOT_PRIVATE_KEY: key,
        AWS_IOT_PASSPHRASE_COMMAND: print(passphrase),
      }),
    });
    expect([status, stderr, runs()]).toEqual([0, '', 1]);
  });
});
