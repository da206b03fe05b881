import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { givenSettings } from '../../src/cli/session/flags.ts';
import { addSessionOptions } from '../../src/cli/session/options.ts';
import { readPlainFlags } from '../../src/cli/session/plain-flags.ts';
import { describeCall, mayHaveSecret } from '../../src/cli/session/recent-call.ts';
import { readEnvironment } from '../../src/settings/environment.ts';
import { SETTINGS } from '../../src/settings/names.ts';
import { run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { PIN } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);

let cache = '';
let caches = 0;
beforeEach(() => {
  cache = join(folder, `cache-${++caches}`);
});
const write = (path: string, text: string) => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

describe('a call that was made before', () => {
  const { AWS_IOT_ROLE_ALIAS: _, ...withoutAlias } = device.env;
  const ini = (alias: string) => `[default]\niot_role_alias = ${alias}\n`;
  const yaml = (alias: string) => `roleAlias: ${alias}\n`;
  const greengrass = (alias: string) => `system: {}
services:
  aws.greengrass.Nucleus:
    configuration:
      iotRoleAlias: ${alias}
`;
  /** The role aliases of the requests during a call, and what it printed. */
  const called = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const before = aws.requests.latest.length;
    const { stdout } = await run(['credential-process', ...args], {
      env: { ...withoutAlias, XDG_CACHE_HOME: cache, ...env },
    });
    const paths = aws.requests.latest.slice(before).map(({ path }) => path);
    return { stdout, paths };
  };
  const pathOf = (alias: string) => `/role-aliases/${alias}/credentials`;

  it.each([
    [
      'the profile in the home folder',
      (alias: string) => {
        const home = dirname(dirname(write('home/.aws/config', ini(alias))));
        return { args: [], env: { HOME: home } };
      },
    ],
    [
      'the profile in another file',
      (alias: string) => ({ args: [], env: { AWS_CONFIG_FILE: write('config', ini(alias)) } }),
    ],
    [
      'AWS_CONFIG_FILE',
      (alias: string) => ({
        args: [],
        env: { AWS_CONFIG_FILE: write(`config-${alias}`, ini(alias)) },
      }),
    ],
    [
      'AWS_PROFILE',
      (alias: string) => {
        const both = `[profile alias]\niot_role_alias=alias\n[profile second]\niot_role_alias=second`;
        return { args: [], env: { AWS_CONFIG_FILE: write('both', both), AWS_PROFILE: alias } };
      },
    ],
    ['a variable', (alias: string) => ({ args: [], env: { AWS_IOT_ROLE_ALIAS: alias } })],
    ['a flag', (alias: string) => ({ args: ['--role-alias', alias], env: {} })],
    [
      'the file of settings',
      (alias: string) => ({ args: ['--config', write('settings.yaml', yaml(alias))], env: {} }),
    ],
    [
      'the file of settings, as a URL',
      (alias: string) => {
        const url = pathToFileURL(write('settings.yml', yaml(alias)));
        return { args: ['--config', `${url}`], env: {} };
      },
    ],
    [
      'the file of Greengrass',
      (alias: string) => ({
        args: ['--greengrass', write('greengrass.yaml', greengrass(alias))],
        env: {},
      }),
    ],
    [
      'a file of Greengrass that counts before the other',
      (alias: string) => {
        const name = alias === 'alias' ? 'config' : 'effectiveConfig';
        const file = write(`greengrass/config/${name}.yaml`, greengrass(alias));
        return { args: ['--greengrass', dirname(dirname(file))], env: {} };
      },
    ],
  ])('is another one after a change of %s', async (_name, prepare) => {
    const first = prepare('alias');
    const { stdout, paths } = await called(first.args, first.env);
    expect(paths).toEqual([pathOf('alias')]);
    expect(stdout).toContain('"AccessKeyId"');
    expect(await called(first.args, first.env)).toEqual({ stdout, paths: [] });
    const second = prepare('second');
    expect((await called(second.args, second.env)).paths).toEqual([pathOf('second')]);
  });

  it('may have no configuration at all', async () => {
    const env = { AWS_CONFIG_FILE: '/dev/null', AWS_IOT_ROLE_ALIAS: 'alias' };
    expect((await called([], env)).paths).toEqual([pathOf('alias')]);
    const { stdout, paths } = await called([], env);
    expect(paths).toEqual([]);
    expect(stdout).toContain('"AccessKeyId"');
    const links = readdirSync(join(cache, 'awsiot-credentialhelper/credentials'));
    expect(links.filter((name) => name.startsWith('call-'))).toHaveLength(1);
  });

  it('is another one in another folder', async () => {
    const call = (cwd: string) => {
      const before = process.cwd();
      process.chdir(cwd);
      try {
        return describeCall(['--certificate', 'cert.pem'], {});
      } finally {
        process.chdir(before);
      }
    };
    expect(call(folder)).not.toBe(call(dirname(folder)));
    expect(call(folder)).toBe(call(folder));
  });

  it('leaves no folder without the cache', async () => {
    const { stdout } = await called(['--no-cache', '--role-alias', 'alias'], {});
    expect(stdout).toContain('"AccessKeyId"');
    expect(existsSync(join(cache, 'awsiot-credentialhelper/credentials'))).toBe(false);
  });
});

describe('the description of a call', () => {
  const base64 = Buffer.from('a key, or another secret, in base64').toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----`;

  it.each([
    ['a PIN', { AWS_IOT_PKCS11_PIN: PIN }],
    ['a passphrase', { AWS_IOT_PASSPHRASE: PIN }],
    ['a command', { AWS_IOT_PKCS11_PIN_COMMAND: `echo '${PIN}'` }],
    ['a key', { AWS_IOT_PRIVATE_KEY: key }],
    ['a proxy with a password', { AWS_IOT_PROXY: `http://me:${PIN}@proxy:3128` }],
  ])('tells only that there is %s in a variable', (_name, env: Record<string, string>) => {
    const call = describeCall([], env);
    expect(call).toContain('(a secret)');
    for (const text of [PIN, JSON.stringify(PIN).slice(1, -1), base64]) {
      expect(call).not.toContain(text);
    }
    expect(mayHaveSecret(call, [...readEnvironment(env).values()])).toBe(false);
    expect(describeCall([], {})).not.toBe(call);
  });

  it.each([
    ['a key in base64', { AWS_IOT_PRIVATE_KEY: base64 }],
    ['a URI with a PIN', { AWS_IOT_PKCS11_URI: `pkcs11:token=t?pin-value=1234` }],
    ['a URI with a command', { AWS_IOT_PKCS11_URI: 'pkcs11:token=t?pin-source=|echo%201234' }],
    ['no URI', { AWS_IOT_PKCS11_URI: PIN }],
  ])('is not stored with %s in a variable', (_name, env: Record<string, string>) => {
    expect(mayHaveSecret(describeCall([], env), [...readEnvironment(env).values()])).toBe(true);
  });

  it.each([
    ['a command', { pinCommand: `echo ${PIN}` }],
    ['a URI with a PIN', { uri: 'pkcs11:token=t?pin-value=1234' }],
  ])('is not stored with %s in a flag', (_name, flags: Record<string, string>) => {
    const call = describeCall(Object.values(flags), {});
    expect(mayHaveSecret(call, [...givenSettings(flags).values()])).toBe(true);
  });
});

describe('plain flags', () => {
  const byCommander = (args: readonly string[]) => {
    const command = addSessionOptions(new Command()).option('--no-cache').exitOverride();
    command.configureOutput({ writeErr: () => {} });
    try {
      return command.parse(args, { from: 'user' }).opts();
    } catch {
      return undefined;
    }
  };
  const flags = [
    ...SETTINGS.map(({ flag }) => flag),
    ...['--profile', '--greengrass', '--device-client', '--config', '--no-cache', '--cache'],
    ...['--help', '-h', '--version', '--', '-', '--no-greengrass', '--profil', 'x'],
  ];
  const value = fc.constantFrom('a', '', '-', '--', '-x', 'a=b', '=', '--uri', 'true', 'é', '%');
  const arg = fc.oneof(
    fc.constantFrom(...flags),
    value,
    fc.tuple(fc.constantFrom(...flags), value).map(([flag, given]) => `${flag}=${given}`),
  );

  it('are those that commander finds', () => {
    let read = 0;
    fc.assert(
      fc.property(fc.array(arg, { maxLength: 5 }), (args) => {
        const plain = readPlainFlags(['credential-process', ...args]);
        if (plain === undefined) return;
        read++;
        expect({ ...plain }).toEqual(byCommander(args));
      }),
      { numRuns: 5000 },
    );
    expect(read).toBeGreaterThan(500);
  });

  it('are each flag, with a value', () => {
    const all = SETTINGS.filter(({ flag }) => flag !== '').flatMap(({ flag, value: name }) =>
      name === '' ? [flag] : [flag, 'v'],
    );
    const args = [...all, '--profile', 'p', '--config', 'c', '--greengrass', 'g', '--no-cache'];
    const plain = readPlainFlags(['credential-process', ...args]);
    expect(plain).toEqual(byCommander(args));
    expect(plain).toMatchObject({ timeoutMs: 'v', ignorePinFlags: true, cache: false });
  });

  it.each([
    [['env']],
    [['--version']],
    [[]],
    [['credential-process', '--help']],
    [['credential-process', '--greengrass']],
  ])('are not those of %j', (args) => {
    expect(readPlainFlags(args)).toBeUndefined();
  });
});
