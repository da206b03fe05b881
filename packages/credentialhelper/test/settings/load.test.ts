import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findSettings, loadSettings, type SettingsInit } from '../../src/settings/load.ts';
import { errorOf } from '../support/errors.ts';
import { plantSecret } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;
const write = (text: string, name = `file-${++files}`) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Sets the environment of a test; without a profile. */
function environment(variables: Readonly<Record<string, string>>): void {
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'));
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}
afterEach(() => vi.unstubAllEnvs());

const origins = async (init: SettingsInit) =>
  Object.fromEntries(
    [...(await findSettings(init, new Map()))].map(([name, { origin }]) => [name, origin]),
  );

describe('the settings of a session', () => {
  it('come from environment variables', async () => {
    environment({
      AWS_IOT_CREDENTIAL_ENDPOINT: 'host',
      AWS_IOT_ROLE_ALIAS: 'alias',
      AWS_IOT_THING_NAME: '',
      AWS_IOT_CERTIFICATE: '/cert.pem',
      AWS_IOT_PKCS11_LIB: '/lib.so',
      AWS_IOT_PKCS11_PIN_FILE: '/pin',
      AWS_IOT_PKCS11_SLOT_ID: '0',
      AWS_IOT_PKCS11_KEY_LABEL: 'key',
      AWS_IOT_TIMEOUT_MS: '5000',
    });
    expect(await loadSettings()).toEqual({
      endpoint: 'host',
      roleAlias: 'alias',
      certificate: '/cert.pem',
      timeoutMs: 5000,
      pkcs11: { library: '/lib.so', userPin: { file: '/pin' }, slotId: 0, privateKeyLabel: 'key' },
    });
  });

  it('name the environment variable of a secret, and do not read it', async () => {
    environment({ AWS_IOT_PRIVATE_KEY: '/key', AWS_IOT_PASSPHRASE: plantSecret('the passphrase') });
    expect(await loadSettings()).toEqual({
      privateKey: '/key',
      passphrase: { environmentVariable: 'AWS_IOT_PASSPHRASE' },
    });
    const found = await findSettings({}, new Map());
    expect(found.get('passphrase')?.shown).toBe('(a secret)');
  });

  it('are not in a pipe or a device, which may have no end', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const file of [pipe, '/dev/zero']) {
      environment({ AWS_CONFIG_FILE: file });
      expect(await loadSettings()).toEqual({});
      const { message } = await errorOf(() => loadSettings({ profile: 'device' }));
      expect(message).toBe(`there is no profile "device" in ${file}`);
    }
  });

  it('come from a profile, which AWS_PROFILE or an option names', async () => {
    const file = write(
      '[default]\niot_role_alias = default-alias\n[profile device]\nregion = eu-west-1\niot_role_alias = its-alias\niot_pkcs11_token_label = a token\n',
    );
    environment({ AWS_CONFIG_FILE: file });
    expect(await loadSettings()).toEqual({ roleAlias: 'default-alias' });
    expect(await loadSettings({ profile: 'device' })).toEqual({
      region: 'eu-west-1',
      roleAlias: 'its-alias',
      pkcs11: { tokenLabel: 'a token' },
    });
    environment({ AWS_CONFIG_FILE: file, AWS_PROFILE: 'device' });
    expect((await origins({})).roleAlias).toBe(`iot_role_alias of profile "device" in ${file}`);
  });

  it('refuse a profile that does not exist, and a misspelled key', async () => {
    const file = write('[profile device]\niot_rol_alias = alias\n');
    environment({ AWS_CONFIG_FILE: file });
    expect((await errorOf(() => loadSettings({ profile: 'devise' }))).message).toBe(
      `there is no profile "devise" in ${file}`,
    );
    expect(await errorOf(() => loadSettings({ profile: 'device' }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: `unknown key iot_rol_alias of profile "device" in ${file}`,
      hint: 'did you mean iot_role_alias?',
    });
  });

  it.each([
    [
      'YAML',
      'settings.yaml',
      'endpoint: host\npkcs11:\n  slotId: 3\n  userPin: { file: pin }\ncertificate: certs/a.pem\n',
    ],
    [
      'JSON',
      'settings.json',
      '{"endpoint":"host","pkcs11":{"slotId":3,"userPin":{"file":"pin"}},"certificate":"certs/a.pem"}',
    ],
  ])('come from a file of %s, whose paths are relative to it', async (_kind, name, text) => {
    environment({});
    const config = write(text, name);
    expect(await loadSettings({ config })).toEqual({
      endpoint: 'host',
      certificate: join(folder, 'certs/a.pem'),
      pkcs11: { slotId: 3, userPin: { file: join(folder, 'pin') } },
    });
  });

  it.each([
    ['roleAlais: alias', 'unknown setting "roleAlais"', 'did you mean "roleAlias"?'],
    [
      'pkcs11: { tokenlable: a }',
      'unknown setting "pkcs11.tokenlable"',
      'did you mean "pkcs11.tokenLabel"?',
    ],
    ['pkcs11: text', '"pkcs11" must be an object', undefined],
    ['- a list', 'it does not contain an object of settings', undefined],
    ['region: x\npassphrase: "SECRET', 'it is not YAML or JSON in line 2', undefined],
  ])('refuse the file of settings %j', async (text, message, hint) => {
    environment({});
    const secret = plantSecret('a passphrase in YAML');
    const error = await errorOf(() =>
      loadSettings({ config: write(text.replace('SECRET', secret)) }),
    );
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(secret);
    if (hint !== undefined) expect(error.hint).toBe(hint);
  });

  it('refuse a file of settings in JSON with a comma too many', async () => {
    environment({});
    const config = write('{ "region": "eu-west-1", }', 'settings.json');
    const { message } = await errorOf(() => loadSettings({ config }));
    expect(message).toContain('it is not valid JSON');
  });

  const greengrass = (system: string, provider = '') => `
system:
  certificateFilePath: "${system}cert"
  privateKeyPath: "${system}key"
  rootCaPath: /ca.pem
  thingName: core
services:
  aws.greengrass.Nucleus:
    configuration: { awsRegion: eu-west-1, iotRoleAlias: alias, iotCredEndpoint: host }
${provider}`;

  it('come from Greengrass, by its root folder', async () => {
    environment({});
    mkdirSync(join(folder, 'greengrass/config'), { recursive: true });
    write(greengrass('/'), 'greengrass/config/effectiveConfig.yaml');
    expect(await loadSettings({ greengrass: join(folder, 'greengrass') })).toEqual({
      endpoint: 'host',
      roleAlias: 'alias',
      region: 'eu-west-1',
      thingName: 'core',
      certificate: '/cert',
      privateKey: '/key',
      ca: '/ca.pem',
    });
  });

  it('come from Greengrass with a key in a token', async () => {
    environment({});
    const provider = `
  aws.greengrass.crypto.Pkcs11Provider:
    configuration: { name: hsm, library: /lib.so, slot: "7", userPin: 1234 }`;
    const file = write(greengrass('pkcs11:object=thing;type=', provider));
    expect(await loadSettings({ greengrass: file })).toMatchObject({
      certificate: 'pkcs11:object=thing;type=cert',
      pkcs11: {
        uri: 'pkcs11:object=thing;type=key',
        library: '/lib.so',
        slotId: 7,
        userPin: '1234',
      },
    });
    const found = await findSettings({ greengrass: file }, new Map());
    expect(found.get('pkcs11.userPin')?.shown).toBe('(a secret)');
  });

  it.each([
    [`proxy: { url: 'http://proxy:3128' }`, 'http://proxy:3128', 'http://proxy:3128'],
    [
      `proxy: { url: 'https://proxy', username: me, password: 'p@ss' }`,
      'https://me:p%40ss@proxy',
      'https://me:(a secret)@proxy',
    ],
    [
      `proxy: { url: 'http://own:p@proxy', username: me, password: 1234 }`,
      'http://own:p@proxy',
      'http://own:(a secret)@proxy',
    ],
    [`noProxyAddresses: 'x,HOST', proxy: { url: 'http://proxy' }`, false, 'false'],
    [`noProxyAddresses: 'other', proxy: { url: 'http://proxy' }`, 'http://proxy', 'http://proxy'],
    [`mqtt: { port: 443 }`, undefined, undefined],
  ])('come from Greengrass with networkProxy %s', async (networkProxy, proxy, shown) => {
    environment({});
    const text = greengrass('/').replace(' }\n', `, networkProxy: { ${networkProxy} } }\n`);
    const file = write(text.replace('HOST', 'host'));
    expect((await loadSettings({ greengrass: file })).proxy).toBe(proxy);
    const found = (await findSettings({ greengrass: file }, new Map())).get('proxy');
    expect(found?.shown).toBe(shown);
  });

  it.each([
    [{}, 'http://10.0.0.140:9999'],
    [{ 'http-proxy-enabled': false }, undefined],
    [
      {
        ...{ 'http-proxy-auth-method': 'UserNameAndPassword', 'http-proxy-username': 'me' },
        'http-proxy-password': 'p/1',
      },
      'http://me:p%2F1@10.0.0.140:9999',
    ],
  ])('come from Device Client with a proxy in the file beside: %j', async (more, proxy) => {
    environment({});
    mkdirSync(join(folder, 'device-client'), { recursive: true });
    const common = {
      ...{ 'http-proxy-enabled': true, 'http-proxy-host': '10.0.0.140', 'http-proxy-port': '9999' },
      'http-proxy-auth-method': 'None',
    };
    write(JSON.stringify({ ...common, ...more }), 'device-client/http-proxy.conf');
    const file = write('{"thing-name":"thing"}', 'device-client/aws-iot-device-client.conf');
    expect((await loadSettings({ deviceClient: file })).proxy).toBe(proxy);
  });

  it('have a proxy of every place, without its password for people', async () => {
    const aws = write('[default]\niot_proxy = http://me:secret@of-profile:1\n');
    const config = write('proxy: http://me:secret@of-file:1\n');
    const read = async (variables: Record<string, string>) => {
      environment({ AWS_CONFIG_FILE: join(folder, 'none'), AWS_IOT_PROXY: '', ...variables });
      const found = (await findSettings({ config }, new Map())).get('proxy');
      return [found?.value, found?.shown];
    };
    expect(await read({ AWS_IOT_PROXY: 'false' })).toEqual([false, 'false']);
    expect(await read({ AWS_CONFIG_FILE: aws })).toEqual([
      'http://me:secret@of-profile:1',
      'http://me:(a secret)@of-profile:1',
    ]);
    expect(await read({})).toEqual([
      'http://me:secret@of-file:1',
      'http://me:(a secret)@of-file:1',
    ]);
  });

  it('come from Device Client, besides those that it does not have', async () => {
    environment({ AWS_IOT_ROLE_ALIAS: 'alias' });
    const element = {
      ...{ enabled: true, 'pkcs11-lib': '/lib.so', 'secure-element-pin': '1234' },
      ...{ 'secure-element-key-label': 'key', 'secure-element-token-label': 'token' },
    };
    const values = {
      endpoint: 'data',
      cert: '/cert',
      key: '/key',
      'root-ca': '/ca',
      'thing-name': 'thing',
    };
    const file = write(JSON.stringify({ ...values, 'secure-element': element }));
    expect(await loadSettings({ deviceClient: file })).toEqual({
      roleAlias: 'alias',
      thingName: 'thing',
      certificate: '/cert',
      ca: '/ca',
      pkcs11: { library: '/lib.so', userPin: '1234', privateKeyLabel: 'key', tokenLabel: 'token' },
    });
  });

  it('are those of the first place that has them', async () => {
    const aws = write('[default]\niot_role_alias = of-profile\niot_thing_name = of-profile\n');
    environment({ AWS_IOT_ROLE_ALIAS: 'of-environment', AWS_CONFIG_FILE: aws });
    const config = write('roleAlias: of-file\nthingName: of-file\nendpoint: of-file\n');
    expect(await origins({ config })).toEqual({
      roleAlias: 'environment variable AWS_IOT_ROLE_ALIAS',
      thingName: `iot_thing_name of profile "default" in ${aws}`,
      endpoint: `endpoint in ${config}`,
    });
  });

  it('have one key: that of the first place that names one', async () => {
    const config = write('privateKey: /key\npassphrase: { file: /passphrase }\nendpoint: host\n');
    environment({ AWS_IOT_PKCS11_LIB: '/lib.so' });
    expect(await loadSettings({ config })).toEqual({
      endpoint: 'host',
      pkcs11: { library: '/lib.so' },
    });
    environment({ AWS_IOT_PKCS11_LIB: '', AWS_IOT_PRIVATE_KEY: '/other' });
    const token = write('pkcs11: { library: /lib.so }\nendpoint: host\n');
    expect(await loadSettings({ config: token })).toEqual({
      endpoint: 'host',
      privateKey: '/other',
    });
  });

  it.each([
    [{ AWS_IOT_TIMEOUT_MS: 'soon' }, '"AWS_IOT_TIMEOUT_MS" must be a whole number'],
    [
      { AWS_IOT_PKCS11_IGNORE_PIN_FLAGS: 'yes' },
      '"AWS_IOT_PKCS11_IGNORE_PIN_FLAGS" must be true or false',
    ],
  ])('refuse %j', async (variables, message) => {
    environment(variables as Record<string, string>);
    const error = await errorOf(() => loadSettings());
    expect([error.code, error.message]).toEqual([
      'ERR_INVALID_OPTION',
      expect.stringContaining(message),
    ]);
  });
});
