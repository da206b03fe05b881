import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { MAIN } from '../../packages/credentialhelper/test/support/cli.ts';
import { openssl } from '../../packages/credentialhelper/test/support/openssl.ts';
import { freePort } from '../../packages/credentialhelper/test/support/ports.ts';
import { send, until } from '../../packages/credentialhelper/test/support/serve.ts';
import {
  PIN,
  SOFTHSM_LIBRARY,
  startSoftHsm,
} from '../../packages/credentialhelper/test/support/softhsm.ts';
import { startDevice } from '../support/device.ts';

const device = await startDevice();
const here = (name: string) => new URL(name, import.meta.url).pathname;
const read = (name: string) => readFileSync(here(name), 'utf8');
const SERVICE = 'awsiot-credentialhelper.service';
const SOCKET = 'awsiot-credentialhelper.socket';

/** The values of a setting of units, of which an empty one discards those before it (systemd.syntax(7)). */
function valuesOf(text: string, name: string): readonly string[] {
  const values: string[] = [];
  for (const [, value = ''] of text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))) {
    if (value === '') values.length = 0;
    else values.push(value);
  }
  return values;
}

/** The environment variables of a unit, with a folder of credentials. */
function environmentOf(text: string, credentials: string): Record<string, string> {
  return Object.fromEntries(
    valuesOf(text, 'Environment').map((value) => {
      const [, variable = '', text = ''] = /^"?(\w+)=(.*?)"?$/.exec(value) ?? [];
      return [variable, text.replaceAll('%d', credentials).replaceAll('%%', '%')];
    }),
  );
}

/** Copies the credentials of a unit to a folder, as systemd does. */
function load(text: string, name: string): string {
  const folder = join(device.folder, name);
  mkdirSync(folder);
  for (const value of valuesOf(text, 'LoadCredential')) {
    const [id = '', path = ''] = value.split(':');
    expect(path).toMatch(/^\/etc\/awsiot-credentialhelper\//);
    copyFileSync(path.replace('/etc/awsiot-credentialhelper', device.folder), join(folder, id));
  }
  return folder;
}

it('systemd accepts the units, and rates their exposure as low', () => {
  const folder = join(device.folder, 'units');
  mkdirSync(folder);
  const [program = ''] = valuesOf(read(SERVICE), 'ExecStart')[0]?.split(' ') ?? [];
  expect(program).toBe('/usr/local/bin/awsiot-credentialhelper');
  const unit = (name: string, text: string) => {
    writeFileSync(join(folder, name), text.replaceAll(program, MAIN));
    return join(folder, name);
  };
  const socket = unit(SOCKET, read(SOCKET));
  const service = unit(SERVICE, read(SERVICE));
  const client = unit('my-program.service', `[Service]\nExecStart=${MAIN}\n`);
  // Unknown settings are warnings; there may be others, of the units of this system.
  const problems = () => {
    const { status, stderr } = spawnSync('systemd-analyze', [
      'verify',
      '--man=no',
      service,
      socket,
      client,
    ]);
    const lines = stderr.toString().split('\n');
    return [status, ...lines.filter((line) => /awsiot-credentialhelper|my-program/.test(line))];
  };
  expect(problems()).toEqual([0]);
  for (const [of, name] of [
    [SERVICE, 'token.conf'],
    ['my-program.service', 'client.conf'],
  ] as const) {
    mkdirSync(join(folder, `${of}.d`));
    writeFileSync(join(folder, `${of}.d`, name), read(name));
  }
  expect(problems()).toEqual([0]);
  unit(SERVICE, read(SERVICE).replace('RestartSec', 'RestartSecs'));
  expect(problems()).toEqual([0, expect.stringContaining('RestartSecs')]);
  const exposure = (text: string) => {
    const file = unit('rated.service', text);
    const report = execFileSync('systemd-analyze', ['security', '--offline=yes', file]).toString();
    return Number(/Overall exposure level .*: ([\d.]+)/.exec(report)?.[1]);
  };
  expect(exposure(read(SERVICE))).toBeLessThan(1.5);
  expect(exposure(`${read(SERVICE)}\n${read('token.conf')}`)).toBeLessThan(2.5);
  // A unit without them is exposed.
  const bare = read(SERVICE).replaceAll(/^(?!\[|ExecStart).*$/gm, '');
  expect(exposure(bare)).toBeGreaterThan(9);
});

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Runs the service as its units say, and returns the ARN that a client gets. */
async function clientOf(text: string, more: Readonly<Record<string, string>>): Promise<string> {
  const name = `credentials-${Math.random()}`;
  const credentials = load(text, name);
  const address = valuesOf(read(SOCKET), 'ListenStream')[0] ?? '';
  const port = String(await freePort());
  const config = device.write(
    'config.yaml',
    read('config.yaml').replace(/^endpoint: .*$/m, device.settings),
  );
  const [, ...args] = (valuesOf(text, 'ExecStart')[0] ?? '').split(' ');
  const environment = {
    ...environmentOf(text, credentials),
    ...more,
    CREDENTIALS_DIRECTORY: credentials,
    AWS_CONFIG_FILE: join(device.folder, 'none'),
  };
  const child = spawn(
    'systemd-socket-activate',
    [
      ...['--listen', address.replace('9911', port)],
      ...Object.entries(environment).flatMap(([variable, value]) => ['-E', `${variable}=${value}`]),
      ...[process.execPath, MAIN],
      ...args.map((arg) =>
        arg.replace('%d', credentials).replace('/etc/awsiot-credentialhelper/config.yaml', config),
      ),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  ends.push(() => child.kill());
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (line: string) => {
    stderr += line;
  });
  await until(() => stderr.includes('Listening on'));
  await until(async () => (await send(`http://127.0.0.1:${port}/readyz`)).status === 200).catch(
    (cause) => {
      throw new Error(stderr, { cause });
    },
  );
  const client = environmentOf(read('client.conf'), load(read('client.conf'), `${name}-client`));
  const uri = client.AWS_CONTAINER_CREDENTIALS_FULL_URI?.replace('9911', port) ?? '';
  expect(uri).toContain(port);
  return device.whoAmI({ ...client, AWS_CONTAINER_CREDENTIALS_FULL_URI: uri });
}

it('a client of the service gets credentials', async () => {
  device.write('token', openssl('rand', '-base64', '32').toString().trim());
  expect(await clientOf(read(SERVICE), {})).toContain(device.arn);
});

it('a client gets credentials with the key in a token', async () => {
  device.write('token', openssl('rand', '-base64', '32').toString().trim());
  device.write('pin', PIN);
  const softHsm = startSoftHsm();
  softHsm.initToken('my-token');
  const file = join(device.folder, 'key.pkcs8');
  openssl('pkcs8', '-topk8', '-nocrypt', '-in', join(device.folder, 'key.pem'), '-out', file);
  softHsm.importKey({ token: 'my-token', label: 'my-key', id: '01', file });
  const [tpm2 = ''] = /\/usr\/lib\/\S*libtpm2_pkcs11\.so/.exec(read('token.conf')) ?? [];
  expect(tpm2).not.toBe('');
  const text = `${read(SERVICE)}\n${read('token.conf').replace(tpm2, SOFTHSM_LIBRARY)}`;
  const { SOFTHSM2_CONF = '', XDG_RUNTIME_DIR = '' } = process.env;
  expect(await clientOf(text, { SOFTHSM2_CONF, XDG_RUNTIME_DIR })).toContain(device.arn);
});
