import { execFile, execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { openssl } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const files = {
  certificate: write('cert.pem', seed.certificatePem),
  key: write('key.pem', seed.privateKeyPem),
  ca: write('ca.pem', aws.ca),
};
const profile = (rest: string) => `[profile thing]
region = ${aws.region}
iot_credential_endpoint = ${aws.credentialsEndpoint}
iot_role_alias = alias
iot_thing_name = thing
iot_certificate = ${files.certificate}
iot_ca = ${files.ca}
${rest}
`;
const config = write('config', profile(`iot_private_key = ${files.key}`));

let cache = '';
let caches = 0;
beforeEach(() => {
  cache = join(folder, `cache-${++caches}`);
  aws.faults.clear();
});
const env = (more: Record<string, string> = {}) => ({
  AWS_CONFIG_FILE: config,
  AWS_PROFILE: 'thing',
  XDG_CACHE_HOME: cache,
  ...more,
});
const exchanges = () =>
  aws.requests.latest.filter(({ endpoint }) => endpoint === 'credentials').length;

const credentials = async (args: readonly string[] = [], more = {}) => {
  const { status, stdout, stderr } = await run(['credential-process', ...args], { env: env(more) });
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
};

describe('credential-process', () => {
  it('prints what AWS SDKs expect, and gets it once for processes that come later', async () => {
    const before = exchanges();
    const first = await credentials();
    expect(first).toEqual({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/),
      SecretAccessKey: expect.any(String),
      SessionToken: expect.any(String),
      Expiration: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(await credentials()).toEqual(first);
    expect(exchanges() - before).toBe(1);
  });

  it('makes one exchange for many processes at once', async () => {
    const before = exchanges();
    const all = await Promise.all(Array.from({ length: 12 }, () => credentials()));
    expect(new Set(all.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(1);
    expect(exchanges() - before).toBe(1);
  });

  it('keeps the cache from other users, and gets its own where it cannot be used', async () => {
    await credentials();
    const cached = join(cache, 'awsiot-credentialhelper/credentials');
    expect(statSync(cached).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(cached)) {
      expect(statSync(join(cached, name)).mode & 0o777, name).toBe(0o600);
    }
    chmodSync(cached, 0o755);
    const before = exchanges();
    await credentials();
    expect(exchanges() - before).toBe(1);
  });

  it('does not use a damaged cache, one of the future, or one that is about to expire', async () => {
    await credentials();
    const cached = join(cache, 'awsiot-credentialhelper/credentials');
    const name = readdirSync(cached).find((entry) => /^[0-9a-f]{64}\.json$/.test(entry)) as string;
    const entry = JSON.parse(readFileSync(join(cached, name), 'utf8'));
    const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
    const text = JSON.stringify(entry);
    for (const damaged of [
      '',
      text.slice(0, text.length / 2),
      '[]',
      JSON.stringify({ ...entry, sessionToken: undefined }),
      JSON.stringify({ ...entry, fetched: at(10) }),
      JSON.stringify({ ...entry, fetched: at(-46), expiration: at(14) }),
      JSON.stringify({ ...entry, fetched: at(-11), expiration: at(9) }),
    ]) {
      const before = exchanges();
      writeFileSync(join(cached, name), damaged);
      await credentials();
      expect(exchanges() - before, damaged).toBe(1);
    }
  });

  it('remembers calls without secrets, until they or the certificate change', async () => {
    const first = await credentials([], { AWS_IOT_PASSPHRASE: PIN });
    const cached = join(cache, 'awsiot-credentialhelper/credentials');
    const link = readdirSync(cached).find((entry) => entry.startsWith('call-')) as string;
    const text = readFileSync(join(cached, link), 'utf8');
    expect(text).toContain('(a secret)');
    expect(text).not.toContain(PIN);
    expect(await credentials([], { AWS_IOT_PASSPHRASE: PIN })).toEqual(first);

    const other = await aws.seed({ thingName: 'other', roleAlias: 'alias', keyType: 'EC-P256' });
    const certificate = write('rotating-cert.pem', seed.certificatePem);
    const key = write('rotating-key.pem', seed.privateKeyPem);
    const rotating = { AWS_IOT_CERTIFICATE: certificate, AWS_IOT_PRIVATE_KEY: key };
    expect(await credentials([], rotating)).toEqual(first);
    write('rotating-cert.pem', other.certificatePem);
    write('rotating-key.pem', other.privateKeyPem);
    const ofOther = await credentials(['--thing-name', 'other'], rotating);
    expect(ofOther.AccessKeyId).not.toBe(first.AccessKeyId);
    const { status, stderr } = await run(['credential-process'], { env: env(rotating) });
    expect([status, stderr]).toEqual([1, expect.stringContaining('Invalid thing name')]);

    for (const damaged of ['', '{"call":1}', text.replace(/"name":"[^"]*"/, '"name":"../x"')]) {
      writeFileSync(join(cached, link), damaged);
      expect(await credentials([], { AWS_IOT_PASSPHRASE: PIN })).toEqual(first);
    }
  });

  it('never takes settings for others that look the same', async () => {
    const one = await aws.seed({ thingName: 'one', roleAlias: 'pin-value=1', keyType: 'EC-P256' });
    const certificate = write('one-cert.pem', one.certificatePem);
    const key = write('one-key.pem', one.privateKeyPem);
    const of = (roleAlias: string) => ({
      AWS_IOT_CERTIFICATE: certificate,
      AWS_IOT_PRIVATE_KEY: key,
      AWS_IOT_THING_NAME: 'one',
      AWS_IOT_ROLE_ALIAS: roleAlias,
    });
    await credentials([], of('pin-value=1'));
    const { status, stderr } = await run(['credential-process'], { env: env(of('pin-value=2')) });
    expect([status, stderr]).toEqual([1, expect.stringContaining('role alias "pin-value=2"')]);
  });

  it('does not give credentials of a certificate that was replaced meanwhile', async () => {
    const next = await aws.seed({ thingName: 'next', roleAlias: 'alias', keyType: 'EC-P256' });
    const first = { certificatePem: seed.certificatePem, privateKeyPem: seed.privateKeyPem };
    const install = (pair: typeof first) => ({
      AWS_IOT_CERTIFICATE: write('installed-cert.pem', pair.certificatePem),
      AWS_IOT_PRIVATE_KEY: write('installed-key.pem', pair.privateKeyPem),
    });
    const text = readFileSync(config, 'utf8').replace(/^iot_thing_name.*\n/m, '');
    const settings = { AWS_CONFIG_FILE: write('without-thing', text), ...install(first) };
    aws.faults.add({ delayMs: 3000 });
    const before = exchanges();
    const slow = credentials([], settings);
    while (exchanges() === before) await sleep(50);
    install(next);
    const { AccessKeyId } = await slow;
    aws.faults.clear();
    expect((await credentials([], settings)).AccessKeyId).not.toBe(AccessKeyId);
    expect(exchanges() - before).toBe(2);
  });

  it('fails as other processes do only with their settings, and not with what was corrected', async () => {
    const failing = async (args: readonly string[], more: Record<string, string>, why: string) => {
      const { status, stderr } = await run(['credential-process', ...args], { env: env(more) });
      expect([status, stderr.split('\n')[0]]).toEqual([1, expect.stringContaining(why)]);
    };
    await failing(['--proxy', 'http://127.0.0.1:1', '--max-wait-ms', '0'], {}, '127.0.0.1:1');
    const encrypted = join(folder, 'encrypted.pem');
    const pass = ['-v2', 'aes-128-cbc', '-passout', `pass:${PIN}`];
    openssl('pkcs8', '-topk8', ...pass, '-in', files.key, '-out', encrypted);
    const args = ['--private-key', encrypted];
    await failing(args, { AWS_IOT_PASSPHRASE: 'not-this-one' }, 'passphrase');
    await credentials(args, { AWS_IOT_PASSPHRASE: PIN });
  });

  it('reads a certificate that is text, longer than any path', async () => {
    await credentials([], { AWS_IOT_CERTIFICATE: seed.certificatePem.repeat(8) });
    const key = createPrivateKey(seed.privateKeyPem).export({ format: 'der', type: 'pkcs8' });
    const misplaced = key.toString('base64').repeat(30);
    const { status, stderr } = await run(['credential-process'], {
      env: env({ AWS_IOT_CERTIFICATE: misplaced }),
    });
    expect(status).toBe(2);
    expect(stderr).not.toContain(misplaced.slice(0, 40));
  });

  it('neither reads nor writes the cache with --no-cache', async () => {
    const before = exchanges();
    await credentials(['--no-cache']);
    await credentials(['--no-cache']);
    expect(exchanges() - before).toBe(2);
    expect(readdirSync(folder)).not.toContain(cache);
  });

  it('has a cache for each certificate and role alias', async () => {
    await credentials();
    const before = exchanges();
    const { status, stderr } = await run(['credential-process', '--role-alias', 'other'], {
      env: env(),
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('role alias "other"')]);
    expect(exchanges() - before).toBe(1);
  });

  it('is what the AWS CLI runs', async () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, '.aws'), { recursive: true });
    const command = `${process.execPath} ${MAIN} credential-process --profile thing`;
    const rest = `iot_private_key = ${files.key}\ncredential_process = ${command}`;
    writeFileSync(join(home, '.aws/config'), profile(rest));
    const { stdout: answer } = await promisify(execFile)(
      '/usr/bin/aws',
      ['sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint, '--output', 'json'],
      {
        env: { PATH: '/usr/bin:/bin', HOME: home, AWS_PROFILE: 'thing', XDG_CACHE_HOME: cache },
      },
    );
    expect(JSON.parse(answer).Arn).toContain(`assumed-role/alias-role/${seed.certificateId}`);
  });

  it('uses a key in a token', async () => {
    const softHsm = startSoftHsm();
    softHsm.initToken('device');
    const pkcs8 = join(folder, 'key.pkcs8');
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', files.key, '-out', pkcs8);
    softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });
    const file = write('token-config', profile('iot_pkcs11_token_label = device'));
    const { AccessKeyId } = await credentials(['--label', 'key'], {
      AWS_CONFIG_FILE: file,
      AWS_IOT_PKCS11_LIB: SOFTHSM_LIBRARY,
      AWS_IOT_PKCS11_PIN: PIN,
    });
    expect(AccessKeyId).toMatch(/^ASIA/);
  });

  it.each([
    ['--private-key must be the path of a file, got PEM text', '--private-key', seed.privateKeyPem],
    ["unknown option '--endpont'", '--endpont', 'host'],
    ['"--timeout-ms" must be a whole number', '--timeout-ms', 'soon'],
    ['there is no profile "nobody"', '--profile', 'nobody'],
    ['there is no profile "constructor"', '--profile', 'constructor'],
    ['--certificate must be the path of a file, and is empty', '--certificate', ''],
    ['it does not contain an object of settings', '--config', files.key],
  ])('refuses what is wrong: %s', async (problem, ...args) => {
    const { status, stdout, stderr } = await run(['credential-process', ...args], { env: env() });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toContain(problem);
  });
});

describe('the settings of commands', () => {
  it('come from Greengrass, too', async () => {
    const file = write(
      'greengrass.yaml',
      `system:
  certificateFilePath: ${files.certificate}
  privateKeyPath: ${files.key}
  rootCaPath: ${files.ca}
  thingName: thing
services:
  aws.greengrass.Nucleus:
    configuration:
      awsRegion: ${aws.region}
      iotRoleAlias: alias
      iotCredEndpoint: ${aws.credentialsEndpoint}
`,
    );
    const { AccessKeyId } = await credentials(['--greengrass', file], {
      AWS_CONFIG_FILE: '/none',
      AWS_PROFILE: '',
    });
    expect(AccessKeyId).toMatch(/^ASIA/);
  });

  it('that are missing are named, with the ways to set them', async () => {
    const { status, stderr } = await run(['env'], { env: env({ AWS_CONFIG_FILE: '/none' }) });
    expect(status).toBe(2);
    expect(stderr).toBe(
      `awsiot-credentialhelper: error: not set: endpoint of the credential provider
awsiot-credentialhelper: hint: pass --endpoint, or set AWS_IOT_CREDENTIAL_ENDPOINT in the environment or iot_credential_endpoint in a profile of ~/.aws/config; "config show" lists what is set
`,
    );
  });
});

describe('a secret in the wrong place', () => {
  const base64 = createPrivateKey(seed.privateKeyPem)
    .export({ format: 'der', type: 'pkcs8' })
    .toString('base64');
  const texts = [base64, seed.privateKeyPem, `pkcs11:token=x?pin-value=${PIN}`];

  it.each(['--profile', '--config', '--greengrass', '--device-client'])(
    'is not shown: %s',
    async (flag) => {
      for (const text of texts) {
        const { status, stdout, stderr } = await run(['env', `${flag}=${text}`], { env: env() });
        expect([status, stdout]).toEqual([2, '']);
        expect(stderr).toMatch(/^awsiot-credentialhelper: error: .*\n(?:.*hint: .*\n)?$/);
        expect(stderr).not.toContain(text.slice(20, 60));
      }
    },
  );

  it.each([
    ['AWS_IOT_PRIVATE_KEY', base64],
    ['AWS_IOT_CERTIFICATE', base64],
    ['AWS_IOT_ROLE_ALIAS', base64],
    ['AWS_IOT_PASSPHRASE_FILE', PIN],
    ['AWS_IOT_PKCS11_URI', PIN],
    ['AWS_IOT_PKCS11_URI', `pkcs11:token=x?pin-value=a?${PIN}&module-path=/x/y`],
    ['AWS_IOT_PKCS11_URI', `pkcs11:token=x;pin%2Dvalue=${PIN}`],
  ])('is not shown by "config show": %s', async (name, text) => {
    const { status, stdout, stderr } = await run(['config', 'show'], {
      env: env({ [name]: text }),
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`(environment variable ${name})`);
    expect(stdout).not.toContain(text.slice(-40));
  });

  it('is neither shown nor stored if it is the key of a session', async () => {
    await credentials([], { AWS_IOT_PRIVATE_KEY: base64 });
    const cached = join(cache, 'awsiot-credentialhelper/credentials');
    const stored = readdirSync(cached).map((name) => readFileSync(join(cached, name), 'utf8'));
    expect(stored.join('\n')).toContain('"accessKeyId"');
    expect(stored.join('\n')).not.toContain(base64.slice(0, 40));
  });
});

describe('env', () => {
  it('prints what a shell evaluates', async () => {
    const { stdout } = await run(['env'], { env: env() });
    const shell = `${stdout}printf %s "$AWS_ACCESS_KEY_ID:$AWS_SESSION_TOKEN:$AWS_REGION"`;
    const printed = execFileSync('sh', ['-c', shell], { encoding: 'utf8' });
    expect(printed).toMatch(new RegExp(`^ASIA[A-Z0-9]+:[^:]+:${aws.region}$`));
  });

  it('prints the region for boto3, too', async () => {
    const { stdout } = await run(['env'], { env: env() });
    const shell = `${stdout}/usr/bin/python3 -c 'import boto3; print(boto3.Session().region_name)'`;
    const options = { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', HOME: '/none' } } as const;
    expect(execFileSync('sh', ['-c', shell], options)).toBe(`${aws.region}\n`);
  });

  it.each([
    ['fish', /^set -gx AWS_ACCESS_KEY_ID 'ASIA[A-Z0-9]+'\n/],
    ['powershell', /^\$env:AWS_ACCESS_KEY_ID = 'ASIA[A-Z0-9]+'\n/],
    ['dotenv', /^AWS_ACCESS_KEY_ID=ASIA[A-Z0-9]+\n/],
    ['json', /^{\n {2}"AWS_ACCESS_KEY_ID": "ASIA[A-Z0-9]+",\n/],
  ])('prints %s', async (format, beginning) => {
    const { status, stdout } = await run(['env', '--format', format], { env: env() });
    expect(status).toBe(0);
    expect(stdout).toMatch(beginning);
  });
});

describe('config schema', () => {
  it('prints the JSON Schema of the package', async () => {
    const { status, stdout, stderr } = await run(['config', 'schema']);
    expect([status, stderr]).toEqual([0, '']);
    const published = new URL('../../config.schema.json', import.meta.url);
    expect(stdout).toBe(readFileSync(published, 'utf8'));
  });
});

describe('config show', () => {
  it('warns of environment variables that may be misspelled', async () => {
    const { status, stderr } = await run(['config', 'show'], {
      env: env({ AWS_IOT_ROLE_ALAIS: 'alias', AWS_IOT_OF_OTHER_SOFTWARE: '1' }),
    });
    expect(status).toBe(0);
    expect(stderr).toBe(
      'awsiot-credentialhelper: warning: the environment variable AWS_IOT_ROLE_ALAIS is unknown: did you mean AWS_IOT_ROLE_ALIAS?\n',
    );
    const missing = await run(['env'], {
      env: env({
        AWS_CONFIG_FILE: '/none',
        AWS_IOT_CREDENTIAL_ENDPOINT: 'host',
        AWS_IOT_ROLE_ALAIS: 'alias',
      }),
    });
    expect(missing.status).toBe(2);
    expect(missing.stderr).toContain(
      'hint: AWS_IOT_ROLE_ALAIS is set: did you mean AWS_IOT_ROLE_ALIAS? pass --role-alias',
    );
  });

  it('shows each setting and where it was found, and no secret', async () => {
    const args = ['config', 'show', '--role-alias', 'mine', '--json'];
    const { status, stdout } = await run(args, {
      env: env({ AWS_IOT_THING_NAME: 'of-environment', AWS_IOT_PASSPHRASE: PIN }),
    });
    expect(status).toBe(0);
    const { settings } = JSON.parse(stdout);
    expect(settings).toContainEqual({
      option: 'roleAlias',
      value: 'mine',
      origin: 'option --role-alias',
    });
    expect(settings).toContainEqual({
      option: 'thingName',
      value: 'of-environment',
      origin: 'environment variable AWS_IOT_THING_NAME',
    });
    expect(settings).toContainEqual({
      option: 'privateKey',
      value: files.key,
      origin: `iot_private_key of profile "thing" in ${config}`,
    });
    expect(settings).toContainEqual({
      option: 'passphrase',
      value: '(a secret)',
      origin: 'environment variable AWS_IOT_PASSPHRASE',
    });
  });
});
