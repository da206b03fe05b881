import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { type Serving, send, startServe, until } from '../support/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
write('ca.pem', aws.ca);
const certificates = new Map<string, string>();
for (const thingName of ['sensor-1', 'sensor-2', 'line:3']) {
  const seed = await aws.seed({ thingName, roleAlias: 'alias', keyType: 'EC-P256' });
  write(`${thingName}.pem`, seed.certificatePem);
  write(`${thingName}.key`, seed.privateKeyPem);
  certificates.set(thingName, seed.certificateId);
}

const defaults = `endpoint: ${aws.credentialsEndpoint}
roleAlias: alias
ca: ca.pem
`;
const entry = (name: string, more = '') =>
  `  - { thingName: '${name}', certificate: '${name}.pem', privateKey: '${name}.key'${more} }\n`;
const config = (...entries: readonly string[]) => `${defaults}things:\n${entries.join('')}`;
const all = config(entry('sensor-1'), entry('sensor-2'), entry('line:3'));
const env = { AWS_CONFIG_FILE: join(folder, 'none'), AWS_REGION: aws.region, XDG_RUNTIME_DIR: '' };
const tokens = join(folder, 'tokens');

const running: Serving[] = [];
const start = async (args: readonly string[]) => {
  const serving = await startServe(['--listen', '127.0.0.1:0', ...args], env);
  running.push(serving);
  return serving;
};
afterEach(async () => {
  aws.faults.clear();
  await Promise.all(running.splice(0).map((serving) => serving.stop()));
});
const ready = ({ base }: Serving) =>
  until(async () => (await send(`${base}/readyz`)).status === 200, 30_000);
const tokenOf = (name: string) => readFileSync(join(tokens, name), 'utf8');
const get = async ({ base }: Serving, name: string, authorization = tokenOf(name)) => {
  const { status, body } = await send(`${base}/things/${name}/credentials`, { authorization });
  return { status, ...JSON.parse(body) };
};
/** The ARN of the caller with credentials. */
const arnOf = async ({ AccessKeyId, SecretAccessKey, Token }: Record<string, string>) => {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  const credentials = {
    accessKeyId: String(AccessKeyId),
    secretAccessKey: String(SecretAccessKey),
    sessionToken: String(Token),
  };
  const sts = new STSClient({ endpoint: aws.apiEndpoint, region: aws.region, credentials });
  return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
};

describe('serve with many things', () => {
  it('serves each under its own path, with its own token', async () => {
    const file = write('gateway.yaml', all);
    const serving = await start(['--config', file, '--token-folder', tokens]);
    await ready(serving);
    expect(serving.stdout()).toContain(
      `# line:3\nAWS_CONTAINER_CREDENTIALS_FULL_URI=${serving.base}/things/line:3/credentials\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${tokens}/line:3\n`,
    );
    for (const [name, certificateId] of certificates) {
      const credentials = await get(serving, name);
      expect(credentials.status).toBe(200);
      expect(await arnOf(credentials)).toContain(`assumed-role/alias-role/${certificateId}`);
      expect(statSync(join(tokens, name)).mode & 0o777).toBe(0o600);
    }
    expect((await get(serving, 'sensor-1', tokenOf('sensor-2'))).status).toBe(401);
  });

  it('tells which things are not ready, and serves the others', async () => {
    aws.faults.add({
      thingName: 'sensor-2',
      response: { status: 403, body: '{"message":"Access Denied"}' },
    });
    const serving = await start(['--config', write('one-bad.yaml', all), '--token-folder', tokens]);
    await serving.said('thing "sensor-2": there are no valid credentials: ERR_');
    await until(async () => (await get(serving, 'sensor-1')).status === 200);
    const { status, body } = await send(`${serving.base}/readyz`);
    expect([status, body]).toEqual([
      503,
      expect.stringMatching(/^no valid credentials\nsensor-2: ERR_\w+: .*\n$/),
    ]);
    const bad = await get(serving, 'sensor-2');
    expect([bad.status, bad.code]).toEqual([503, expect.stringMatching(/^ERR_/)]);
    const metrics = await send(`${serving.base}/metrics`);
    expect(metrics.body).toMatch(/failures_total{thing="sensor-2",code="ERR_\w+"} [1-9]/);
    expect(metrics.body).toContain('credentials_expire_seconds{thing="sensor-2"} 0\n');
  });

  it('serves a single one of them with --thing-name, also by the contract of EC2', async () => {
    const file = write('choose.yaml', all);
    const args = ['--config', file, '--thing-name', 'sensor-2'];
    const one = await start([...args, '--token-file', join(folder, 'one-token')]);
    await ready(one);
    const credentials = await send(`${one.base}/credentials`, { authorization: one.token });
    expect(await arnOf(JSON.parse(credentials.body))).toContain(certificates.get('sensor-2'));
    const imds = await start([...args, '--imds']);
    await ready(imds);
    const several = await run(['serve', '--listen', '127.0.0.1:0', '--config', file, '--imds'], {
      env,
    });
    expect([several.status, several.stderr.split('\n')[0]]).toEqual([
      2,
      'awsiot-credentialhelper: error: --imds serves one thing, and the file of settings has several',
    ]);
  });

  it('lets other commands choose one, and says so', async () => {
    const file = write('others.yaml', all);
    const args = ['credential-process', '--no-cache', '--config', file];
    const none = await run(args, { env });
    expect([none.status, none.stdout, none.stderr]).toEqual([
      2,
      '',
      `awsiot-credentialhelper: error: ${file} has the settings of 3 things, and this is for one
awsiot-credentialhelper: hint: choose one with --thing-name or AWS_IOT_THING_NAME: sensor-1, sensor-2, line:3
`,
    ]);
    const one = await run([...args, '--thing-name', 'line:3'], { env });
    expect([one.status, one.stderr]).toEqual([0, '']);
    const { SessionToken, ...rest } = JSON.parse(one.stdout);
    expect(await arnOf({ ...rest, Token: SessionToken })).toContain(certificates.get('line:3'));
    const unknown = await run([...args, '--thing-name', 'sensor-9'], { env });
    expect([unknown.status, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('it has sensor-1'),
    ]);
  });

  it.each([
    ['things: []\n', '"things" must be a list of at least one thing'],
    ['things: {}\n', '"things" must be a list of at least one thing'],
    ['things: [1]\n', '"things[0]" must be an object'],
    ['things: [{ certificate: x.pem }]\n', '"things[0].thingName" must be the name of the thing'],
    ['things: [{ thingName: 7 }]\n', '"things[0].thingName" must be the name of the thing'],
    ['things: [{ thingName: a }, { thingName: a }]\n', '"things[1]" has the name of another thing'],
    ['things: [{ thingName: a, roleAlais: b }]\n', 'unknown setting "things[0].roleAlais"'],
    ['things: [{ thingName: a, pkcs11: 1 }]\n', '"things[0].pkcs11" must be an object'],
    ['things: [{ thingName: a }]\n', 'thing "a": not set: the device certificate'],
    [
      'things: [{ thingName: a/b, certificate: c, privateKey: k }]\n',
      'thing "a/b": "thingName" must be',
    ],
    [
      'things: [{ thingName: .., certificate: c, privateKey: k }]\n',
      'thing "..": "thingName" must be',
    ],
    ['things: [{ thingName: a, certificate: none.pem, privateKey: k }]\n', 'thing "a": '],
  ])('refuses %j', async (things, problem) => {
    const file = write('bad.yaml', defaults + things);
    const { status, stdout, stderr } = await run(
      ['serve', '--listen', '127.0.0.1:0', '--config', file, '--token-folder', tokens],
      { env },
    );
    expect([status !== 0, stdout]).toEqual([true, '']);
    expect(stderr.split('\n')[0]).toContain(problem);
  });
});

describe('SIGHUP', () => {
  it('reads the settings again: things come, change without a gap, and go', async () => {
    const file = write('changing.yaml', config(entry('sensor-1'), entry('sensor-2')));
    const serving = await start(['--config', file, '--token-folder', tokens]);
    await ready(serving);
    const [first, second] = [await get(serving, 'sensor-1'), await get(serving, 'sensor-2')];
    // The new settings of one thing cannot be used yet, so its old credentials stay.
    aws.faults.add({ thingName: 'sensor-2', delayMs: 1500 });
    write('changing.yaml', config(entry('sensor-2', ', timeoutMs: 9000'), entry('line:3')));
    serving.child.kill('SIGHUP');
    await serving.said('the settings were read again');
    expect((await get(serving, 'sensor-2')).AccessKeyId).toBe(second.AccessKeyId);
    expect((await get(serving, 'sensor-1')).status).toBe(404);
    await until(async () => (await get(serving, 'line:3')).status === 200);
    await until(async () => {
      const now = await get(serving, 'sensor-2');
      expect(now.status).toBe(200);
      return now.AccessKeyId !== second.AccessKeyId;
    });
    expect(first.status).toBe(200);
  });

  it('keeps the old settings if the new ones are wrong, and says why', async () => {
    const file = write('breaking.yaml', config(entry('sensor-1')));
    const serving = await start(['--config', file, '--token-folder', tokens]);
    await ready(serving);
    const before = await get(serving, 'sensor-1');
    write('breaking.yaml', config(entry('sensor-2'), entry('nobody')));
    serving.child.kill('SIGHUP');
    await serving.said('the settings stay as they were: thing "nobody": ');
    write('breaking.yaml', `${defaults}things: [`);
    serving.child.kill('SIGHUP');
    await serving.said('it is not YAML or JSON');
    // The tokens belong to them.
    chmodSync(write('tokens/line:3', 'a-token-for-everybody'), 0o644);
    write('breaking.yaml', config(entry('sensor-2'), entry('line:3')));
    serving.child.kill('SIGHUP');
    await serving.said('the settings stay as they were: other users can read the token file');
    rmSync(join(tokens, 'line:3'));
    expect((await get(serving, 'sensor-2')).status).toBe(404);
    expect((await get(serving, 'sensor-1')).AccessKeyId).toBe(before.AccessKeyId);
    expect((await send(`${serving.base}/readyz`)).status).toBe(200);
  });

  it('takes new tokens, and tries again for things without credentials', async () => {
    aws.faults.add({ response: { status: 403, body: '{"message":"Access Denied"}' } });
    const serving = await start([
      ...['--config', write('retry.yaml', config(entry('sensor-1'))), '--token-folder', tokens],
    ]);
    await serving.said('there are no valid credentials');
    aws.faults.clear();
    const token = 'another-token-of-sensor-1';
    write('tokens/sensor-1', token);
    serving.child.kill('SIGHUP');
    // By itself it would try again after half a minute.
    await until(async () => (await get(serving, 'sensor-1', token)).status === 200, 5000);
  });
});
