import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { plantSecret } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
afterEach(() => aws.faults.clear());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const env = {
  AWS_CONFIG_FILE: join(folder, 'none'),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
  AWS_REGION: aws.region,
  AWS_IOT_CREDENTIAL_ENDPOINT: aws.credentialsEndpoint,
  AWS_IOT_ROLE_ALIAS: 'alias',
  AWS_IOT_THING_NAME: 'thing',
  AWS_IOT_CERTIFICATE: write('cert.pem', seed.certificatePem),
  AWS_IOT_PRIVATE_KEY: write('key.pem', seed.privateKeyPem),
  AWS_IOT_CA: write('ca.pem', aws.ca),
  AWS_IOT_MAX_WAIT_MS: '0',
};
const exec = (...command: readonly string[]) =>
  run(['exec', '--region', aws.region, '--', ...command], { env });
const program = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

const ARN = `assumed-role/alias-role/${seed.certificateId}`;

describe('exec', () => {
  it('gives credentials to the AWS CLI', async () => {
    const command = ['sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint];
    const { status, stdout, stderr } = await exec('/usr/bin/aws', ...command, '--output', 'json');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).Arn).toContain(ARN);
  });

  it('gives fresh ones to a client of the AWS SDK that runs for longer than they last', async () => {
    aws.faults.add({ lifetimeMs: 4000 });
    const { status, stdout, stderr } = await exec(
      ...[process.execPath, program('sts-loop.mjs'), aws.apiEndpoint, '7000'],
    );
    expect([status, stderr]).toEqual([0, '']);
    const { calls, keys, arns } = JSON.parse(stdout);
    expect(calls).toBeGreaterThan(20);
    expect(keys).toBeGreaterThanOrEqual(3);
    expect(arns).toEqual([expect.stringContaining(ARN)]);
  });

  it('answers the command alone: not without its token, not browsers, not proxies', async () => {
    const { stdout } = await exec(process.execPath, program('container-client.mjs'));
    const answers = JSON.parse(stdout);
    const credentials = {
      AccessKeyId: expect.stringMatching(/^ASIA/),
      SecretAccessKey: expect.any(String),
      Token: expect.any(String),
      Expiration: expect.stringMatching(/Z$/),
    };
    expect(answers.right).toEqual({ status: 200, body: credentials });
    expect(answers.localhost).toEqual({ status: 200, body: credentials });
    const refused = Object.entries(answers).slice(2) as [
      string,
      { status: number; body: object },
    ][];
    expect(refused.map(([name, { status }]) => [name, status])).toEqual([
      ['withoutToken', 401],
      ['wrongToken', 401],
      ['otherHost', 403],
      ['browser', 403],
      ['fetched', 403],
      ['forwarded', 403],
      ['otherPath', 404],
      ['put', 405],
    ]);
    for (const [, { body }] of refused) expect(Object.keys(body)).toEqual(['code', 'message']);
  });

  it('removes variables that the AWS SDKs would prefer, and sets the region', async () => {
    const { stdout } = await run(['exec', '--region', aws.region, '--', 'env'], {
      env: { ...env, AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_PROFILE: '', AWS_REGION: '' },
    });
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).not.toContain('AWS_ACCESS_KEY_ID');
    expect(names).not.toContain('AWS_PROFILE');
    expect(stdout).toContain(`AWS_REGION=${aws.region}\n`);
  });

  it('warns of a default profile, whose credentials the AWS SDKs prefer', async () => {
    const command = ['/usr/bin/aws', 'configure', 'list'];
    const file = write(
      'credentials',
      '[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n',
    );
    const others = { ...env, AWS_SHARED_CREDENTIALS_FILE: file };
    const preferred = await run(['exec', '--', ...command], { env: others });
    expect(preferred.stdout).toContain('shared-credentials-file');
    expect(preferred.stderr.split('\n')[0]).toBe(
      `awsiot-credentialhelper: warning: the command prefers the credentials of profile "default" in ${file} (aws_access_key_id) to those of the device`,
    );
    // The advice of the hint.
    const given = await run(['exec', '--env', '--', ...command], { env: others });
    expect([given.stdout.includes('shared-credentials-file'), given.stderr]).toEqual([false, '']);
    const configFile = write(
      'config',
      '[default]\ncredential_process = awsiot-credentialhelper credential-process\n',
    );
    const same = await run(['exec', '--', 'true'], {
      env: { ...env, AWS_CONFIG_FILE: configFile },
    });
    expect([same.status, same.stderr]).toEqual([0, '']);
  });

  it('passes the credentials themselves with --env, and no endpoint', async () => {
    const script = 'echo "$AWS_ACCESS_KEY_ID $AWS_CONTAINER_CREDENTIALS_FULL_URI"; exit 3';
    const { status, stdout, stderr } = await run(
      ['exec', '--env', '--region', aws.region, '--', 'sh', '-c', script],
      { env: { ...env, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://localhost/other' } },
    );
    expect([status, stderr]).toEqual([3, '']);
    expect(stdout).toMatch(/^ASIA\w+ \n$/);
    const command = ['sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint];
    const called = await run(
      ['exec', '--env', '--region', aws.region, '--', '/usr/bin/aws', ...command],
      { env },
    );
    expect(called.stdout).toContain(ARN);
  });

  it.each([
    [['sh', '-c', 'exit 7'], 7, ''],
    [['sh', '-c', 'kill -TERM $$'], 143, ''],
    [['/none/command'], 127, 'the command was not found'],
    [[''], 127, 'the command was not found'],
    [['/etc/passwd/command'], 126, 'the command cannot be run: spawn ENOTDIR'],
    [['x'.repeat(5000)], 126, 'the command cannot be run: spawn ENAMETOOLONG'],
    [[folder], 126, 'the command cannot be run'],
  ])('exits with the status of %j', async (command, status, problem) => {
    const done = await exec(...command);
    expect(done.status).toBe(status);
    expect(done.stderr).toContain(problem);
  });

  it.each(['TERM', 'HUP', 'INT', 'QUIT', 'USR1', 'USR2'])(
    'passes on SIG%s, and waits for the command',
    async (name) => {
      const started = join(folder, `started-${name}`);
      const script = `trap 'echo ended; exit 3' ${name}; touch ${started}; while :; do sleep 0.1; done`;
      const { status, stdout, stderr } = await run(
        ['exec', '--region', aws.region, '--', 'sh', '-c', script],
        {
          env,
          signals: { onceThereIs: started, send: [`SIG${name}` as NodeJS.Signals] },
        },
      );
      expect([status, stdout, stderr]).toEqual([3, 'ended\n', '']);
    },
  );

  it('leaves it to the terminal to interrupt the command, once, also if stdin is a pipe', async () => {
    const started = join(folder, 'started-on-terminal');
    const script = write(
      'count-signals.py',
      `import os, signal, sys, time
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
open(sys.argv[1], 'w')
while not os.path.exists(sys.argv[1] + '-end'): time.sleep(0.05)
print('count', count)`,
    );
    const words = [
      process.execPath,
      MAIN,
      'exec',
      '--region',
      aws.region,
      '--',
      '/usr/bin/python3',
    ];
    const command = `${words.join(' ')} ${script} ${started} </dev/null`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      seen += text;
    });
    await expect.poll(() => existsSync(started), { timeout: 10_000 }).toBe(true);
    await sleep(300);
    child.stdin.write('\u0003');
    await sleep(700);
    writeFileSync(`${started}-end`, '');
    await new Promise((resolve) => child.once('close', resolve));
    expect(seen).toContain('count 1\r\n');
  });

  it('leaves the stdin of the command as it is', async () => {
    const started = join(folder, 'started-with-stdin');
    // A read from a pipe that was made non-blocking fails, instead of waiting.
    const script = `import os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: None)
pathlib.Path(sys.argv[1]).touch()
time.sleep(1)
sys.stdout.buffer.write(b''.join(iter(lambda: os.read(0, 65536), b'')))`;
    const child = spawn(
      process.execPath,
      [MAIN, 'exec', '--region', aws.region, '--', '/usr/bin/python3', '-c', script, started],
      { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await expect.poll(() => existsSync(started), { timeout: 10_000 }).toBe(true);
    child.kill('SIGINT');
    await sleep(1500);
    const binary = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    child.stdin.end(binary);
    expect(await ended).toBe(0);
    expect(Buffer.concat(chunks).equals(binary)).toBe(true);
  });

  it('hides secrets of this package from the command', async () => {
    const { status, stdout } = await run(['exec', '--region', aws.region, '--', 'env'], {
      env: { ...env, AWS_IOT_SERVE_TOKEN: plantSecret('a-token-for-serve-1') },
    });
    expect([status, stdout.includes('AWS_IOT_SERVE_TOKEN')]).toEqual([0, false]);
  });

  it('does not start the command without credentials', async () => {
    aws.faults.add({ response: { status: 503 } });
    const file = join(folder, 'not-created');
    const { status, stderr } = await exec('touch', file);
    expect([status, existsSync(file)]).toEqual([1, false]);
    expect(stderr).toContain('HTTP 503');
  });

  it.each([
    [[], "missing required argument 'command'"],
    [['--endpont', 'x', '--', 'true'], "unknown option '--endpont'"],
  ])('refuses %j', async (args, problem) => {
    const { status, stdout, stderr } = await run(['exec', ...args], { env });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toContain(problem);
  });
});
