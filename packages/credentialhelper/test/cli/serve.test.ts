import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { plantSecret } from '../support/secrets.ts';
import { type Serving, send, startServe, until } from '../support/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const write = (name: string, text: string, mode = 0o600) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode });
  return file;
};
const env = {
  AWS_CONFIG_FILE: join(folder, 'none'),
  AWS_IOT_CREDENTIAL_ENDPOINT: aws.credentialsEndpoint,
  AWS_IOT_ROLE_ALIAS: 'alias',
  AWS_IOT_THING_NAME: 'thing',
  AWS_IOT_CERTIFICATE: write('cert.pem', seed.certificatePem),
  AWS_IOT_PRIVATE_KEY: write('key.pem', seed.privateKeyPem),
  AWS_IOT_CA: write('ca.pem', aws.ca),
  XDG_RUNTIME_DIR: '',
};
const pipe = (name: string) => {
  execFileSync('mkfifo', ['-m', '600', join(folder, name)]);
  return join(folder, name);
};
const loop = join(folder, 'loop');
symlinkSync(loop, loop);
const tokenFile = join(folder, 'token');
const ANY = ['--listen', '127.0.0.1:0'];

const running: Serving[] = [];
const start = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
  const serving = await startServe(args, { ...env, ...more });
  running.push(serving);
  return serving;
};
afterEach(async () => {
  aws.faults.clear();
  await Promise.all(running.splice(0).map((serving) => serving.stop()));
});

const ready = async ({ base }: Serving) =>
  until(async () => (await send(`${base}/readyz`)).status === 200);

describe('serve', () => {
  it('prints what clients need, and answers with credentials', async () => {
    const serving = await start([...ANY, '--token-file', tokenFile]);
    expect(serving.stdout()).toBe(
      `AWS_CONTAINER_CREDENTIALS_FULL_URI=${serving.base}/credentials\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${tokenFile}\n`,
    );
    await ready(serving);
    const { status, headers, body } = await send(`${serving.base}/credentials`, {
      authorization: serving.token,
    });
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      ...[200, 'application/json', 'no-store'],
    ]);
    expect(JSON.parse(body)).toEqual({
      AccessKeyId: expect.stringMatching(/^ASIA/),
      SecretAccessKey: expect.any(String),
      Token: expect.any(String),
      Expiration: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    await serving.said('credentials are available');
    const said = serving.stderr();
    expect(said).not.toContain(serving.token);
    expect(said).not.toContain(JSON.parse(body).SecretAccessKey);
    expect(await serving.stop()).toBe(0);
  });

  it('creates its token for this user alone, keeps it, and takes one from the environment', async () => {
    const file = join(folder, 'made/for/token');
    const first = await start([...ANY, '--token-file', file]);
    expect(first.token).toMatch(/^[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'made/for')).mode & 0o777).toBe(0o700);
    expect((await start([...ANY, '--token-file', file])).token).toBe(first.token);
    const runtime = join(folder, 'runtime');
    const inRuntime = await start(ANY, { XDG_RUNTIME_DIR: runtime });
    expect(inRuntime.variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE).toBe(
      join(runtime, 'awsiot-credentialhelper/token'),
    );
    const token = plantSecret('a-token-of-the-environment');
    const serving = await start(ANY, { AWS_IOT_SERVE_TOKEN: token });
    await ready(serving);
    const answer = await send(`${serving.base}/credentials`, { authorization: token });
    expect(answer.status).toBe(200);
    const environment = readFileSync(`/proc/${serving.child.pid}/cmdline`, 'utf8');
    expect(environment).not.toContain(token);
  });

  it('has one token with others that start at once', async () => {
    const file = join(folder, 'shared/token');
    const all = await Promise.all(
      Array.from({ length: 6 }, () => start([...ANY, '--token-file', file])),
    );
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set([readFileSync(file, 'utf8')]));
    expect(readdirSync(join(folder, 'shared'))).toEqual(['token']);
    for (const serving of all) {
      await ready(serving);
      const answer = await send(`${serving.base}/credentials`, { authorization: serving.token });
      expect(answer.status).toBe(200);
    }
  });

  it('accepts a systemd credential as a token, whatever its mode shows', async () => {
    const credentials = join(folder, 'credentials');
    mkdirSync(credentials);
    const file = join(credentials, 'serve-token');
    writeFileSync(file, 'token-of-the-unit-1234', { mode: 0o440 });
    const args = [...ANY, '--token-file', file];
    expect((await run(['serve', ...args], { env })).status).toBe(2);
    const serving = await start(args, { CREDENTIALS_DIRECTORY: credentials });
    await ready(serving);
    const { status } = await send(`${serving.base}/credentials`, {
      authorization: 'token-of-the-unit-1234',
    });
    expect(status).toBe(200);
  });

  it('answers 503 with the reason until there are credentials, and does not exit', async () => {
    aws.faults.add({ connection: 'refuse' });
    const serving = await start([...ANY, '--token-file', tokenFile]);
    await serving.said('there are no valid credentials: ERR_');
    const credentials = () => send(`${serving.base}/credentials`, { authorization: serving.token });
    const { status, body } = await credentials();
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({
      code: 'ERR_CONNECTION_REFUSED',
      message: expect.stringContaining('there are no valid credentials: '),
    });
    const health = await send(`${serving.base}/healthz`);
    expect([health.status, health.body]).toEqual([200, 'ok\n']);
    const readiness = await send(`${serving.base}/readyz`);
    expect(readiness.status).toBe(503);
    expect(readiness.body).toMatch(/^no valid credentials\nthing: ERR_CONNECTION_REFUSED: /);
    aws.faults.clear();
    await until(async () => (await credentials()).status === 200, 30_000);
    await serving.said('credentials are available');
  });

  it('has metrics, which hold no secret', async () => {
    aws.faults.add({ response: { status: 503 }, count: 1 });
    const serving = await start([...ANY, '--token-file', tokenFile]);
    await ready(serving);
    await send(`${serving.base}/credentials`, { authorization: 'wrong' });
    const { headers, body } = await send(`${serving.base}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const value = (name: string) =>
      Number(
        body
          .split('\n')
          .find((line) => line.startsWith(`awsiot_credentialhelper_${name} `))
          ?.split(' ')[1],
      );
    expect(value('credentials_expire_seconds{thing="thing"}')).toBeGreaterThan(3000);
    expect(value('fetches_total{thing="thing"}')).toBe(1);
    expect(value('failures_total{thing="thing",code="ERR_SERVICE"}')).toBe(1);
    expect(value('requests_total{status="401"}')).toBe(1);
    expect(value('exchange_duration_seconds_count{outcome="success"}')).toBe(1);
    expect(value('exchange_duration_seconds_count{outcome="failure"}')).toBe(1);
    expect(body).toMatch(/build_info{version="[\d.]+",nodejs_version="[\d.]+"} 1\n/);
    const credentials = JSON.parse(
      (await send(`${serving.base}/credentials`, { authorization: serving.token })).body,
    );
    for (const secret of [serving.token, credentials.Token, credentials.AccessKeyId]) {
      expect(body).not.toContain(secret);
    }
  });
});

describe('serve listens', () => {
  it('on several addresses, IPv6 too', async () => {
    const serving = await start([
      ...ANY,
      '--listen',
      '[::1]:0',
      '--token-file',
      tokenFile,
      '--json',
    ]);
    const { listening, things } = JSON.parse(serving.stdout());
    expect(listening).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^http:\/\/\[::1\]:\d+$/),
    ]);
    expect(things).toEqual([
      {
        thingName: 'thing',
        path: '/credentials',
        variables: {
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `${listening[0]}/credentials`,
          AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
        },
      },
    ]);
    for (const base of listening) expect((await send(`${base}/healthz`)).status).toBe(200);
  });

  it('on a Unix socket of this user alone, in place of one that was left behind', async () => {
    const socketPath = join(folder, 'serve.sock');
    const args = ['--socket', socketPath, '--token-file', tokenFile];
    const first = await start(args);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    const second = await run(['serve', ...args], { env });
    expect([second.status, second.stderr.split('\n')[0]]).toEqual([
      2,
      `awsiot-credentialhelper: error: cannot listen on ${socketPath}: another program listens there`,
    ]);
    first.child.kill('SIGKILL');
    await until(() => first.child.signalCode !== null);
    expect(existsSync(socketPath)).toBe(true);
    const third = await start(args);
    const { status } = await send('http://localhost/healthz', {}, { socketPath });
    expect(status).toBe(200);
    expect(await third.stop()).toBe(0);
    expect(existsSync(socketPath)).toBe(false);
  });

  it('on a Unix socket of which one of many that start at once gets hold', async () => {
    const socketPath = join(folder, 'contended.sock');
    const args = ['--socket', socketPath, '--token-file', tokenFile];
    const dead = await start(args);
    dead.child.kill('SIGKILL');
    await until(() => dead.child.signalCode !== null);
    const all = await Promise.all(Array.from({ length: 6 }, () => start(args)));
    const alive = all.filter(({ child }) => child.exitCode === null);
    expect(alive).toHaveLength(1);
    for (const { child, stderr } of all) {
      if (child.exitCode === null) continue;
      expect(child.exitCode).toBe(2);
      expect(stderr()).toContain('another program listens there');
    }
    expect((await send('http://localhost/healthz', {}, { socketPath })).status).toBe(200);
  });

  it.each([
    [['--listen', '0.0.0.0:0'], 'other machines may reach 0.0.0.0'],
    [['--listen', '[::]:0'], 'other machines may reach ::'],
    [['--listen', '9911'], '--listen must be the IP address of an interface'],
    [['--listen', 'example.com:80'], '--listen must be the IP address of an interface'],
    [['--listen', '127.0.0.1:65536'], '--listen must be the IP address of an interface'],
    [['--socket', folder], 'is not a socket'],
    [
      ['--socket', join(folder, 'socket-of-gateway/'.repeat(5), 'serve.sock')],
      'a socket can have 107',
    ],
    [['--socket', join(loop, 'serve.sock')], `cannot listen on ${loop}/serve.sock`],
    [['--socket', '/none/serve.sock'], 'cannot listen on /none/serve.sock'],
    [['--imds', '--token-file', tokenFile], '--token-file does not belong to --imds'],
    [['--token-folder', folder], '--token-folder is for many things'],
    [[...ANY, '--allow-host', 'device.example:8080'], '--allow-host must be a host name'],
    [[...ANY, '--allow-host', 'http://device.example'], '--allow-host must be a host name'],
    [[...ANY, '--allow-host', ''], '--allow-host must be a host name'],
    [[...ANY, '--endpont', 'x'], "unknown option '--endpont'"],
  ])('and refuses %j', async (args, problem) => {
    const flags =
      args.includes('--token-folder') || args.includes('--imds') ? [] : ['--token-file', tokenFile];
    const { status, stdout, stderr } = await run(['serve', ...args, ...flags], { env });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toContain(problem);
  });

  it('not where another program does', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { status, stderr } = await run(
      ['serve', '--listen', `127.0.0.1:${port}`, '--token-file', tokenFile],
      { env },
    );
    other.close();
    expect(status).toBe(2);
    expect(stderr.split('\n')[0]).toBe(
      `awsiot-credentialhelper: error: cannot listen on 127.0.0.1:${port}: another program listens there`,
    );
  });

  it('on all interfaces with --allow-remote, to loopback names and those of --allow-host', async () => {
    const serving = await start([
      ...['--listen', '0.0.0.0:0', '--allow-remote', '--allow-host', 'Device.example'],
      ...['--token-file', tokenFile],
    ]);
    const statusFor = async (host: string) =>
      (await send(`${serving.base}/healthz`, { host })).status;
    expect(await statusFor('device.example:1234')).toBe(200);
    expect(await statusFor('localhost')).toBe(200);
    expect(await statusFor('attacker.example')).toBe(403);
    expect(await statusFor('127.0.0.1.attacker.example')).toBe(403);
  });

  it.each([
    ['short', 0o600, 'must hold 16 to 1024'],
    ['a token with spaces in it', 0o600, 'must hold 16 to 1024'],
    ['a-token-with-a-newline\n', 0o600, 'must hold 16 to 1024'],
    ['', 0o600, 'must hold 16 to 1024'],
    ['a-token-for-everybody', 0o644, 'other users can read the token file'],
  ])('not with the token %j of mode %o', async (token, mode, problem) => {
    const file = write('bad-token', token);
    chmodSync(file, mode);
    const link = join(folder, `link-${Math.random()}`);
    symlinkSync(file, link);
    const { status, stderr } = await run(['serve', ...ANY, '--token-file', link], { env });
    expect(status).toBe(2);
    expect(stderr.split('\n')[0]).toContain(problem);
    if (token !== '') expect(stderr).not.toContain(token);
  });

  it.each([
    [join(env.AWS_IOT_CERTIFICATE, 'token'), 'a part of the path is not a folder|EEXIST|ENOTDIR'],
    ['/proc/none/token', 'ENOENT'],
    [folder, 'it is a folder'],
    ['/dev/zero', 'it is a device'],
    [pipe('token-pipe'), 'it is a pipe'],
  ])('not with a token in %s', async (file, problem) => {
    const { status, stdout, stderr } = await run(['serve', ...ANY, '--token-file', file], { env });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toMatch(new RegExp(`error: .*token.*${problem}`));
  });

  it('not without a place for its token', async () => {
    const { status, stderr } = await run(['serve', ...ANY], { env });
    expect([status, stderr.split('\n')[0]]).toEqual([
      2,
      'awsiot-credentialhelper: error: no place is known for the token of clients',
    ]);
  });
});

describe('SIGHUP', () => {
  it('does not end a process that starts, and reloads afterwards', async () => {
    const socketPath = join(folder, 'late.sock');
    const file = join(folder, 'late-token');
    // Another process that holds the lock delays the start.
    const holding = spawn('flock', [`${socketPath}.lock`, 'cat'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    await until(() => existsSync(`${socketPath}.lock`));
    const pidFile = join(folder, 'late-pid');
    const starting = startServe(['--socket', socketPath, '--token-file', file], env, {
      through: ['sh', '-c', `echo $$ >'${pidFile}'; exec "$@"`, 'sh'],
    });
    await until(() => existsSync(file));
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP');
    holding.stdin.end();
    const serving = await starting;
    running.push(serving);
    await serving.said('the settings were read again');
    const { status } = await send('http://localhost/healthz', {}, { socketPath });
    expect(status).toBe(200);
  });
});

describe('SIGTERM', () => {
  it('lets requests that have begun finish, and accepts no others', async () => {
    const serving = await start([...ANY, '--token-file', tokenFile]);
    await ready(serving);
    const { port } = new URL(serving.base);
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write(`GET /credentials HTTP/1.1\r\nHost: localhost\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const status = serving.stop();
    await until(() =>
      send(`${serving.base}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    socket.write(`Authorization: ${serving.token}\r\n\r\n`);
    await ended;
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/Connection: close/i);
    expect(await status).toBe(0);
  });

  it('ends clients that finish nothing, and the wait for credentials', async () => {
    aws.faults.add({ action: 'hang' });
    const serving = await start([...ANY, '--token-file', tokenFile]);
    const socket = connect(Number(new URL(serving.base).port), '127.0.0.1');
    socket.on('error', () => {}).write('GET /credentials HTTP/1.1\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const beganMs = Date.now();
    expect(await serving.stop()).toBe(0);
    expect(Date.now() - beganMs).toBeLessThan(6000);
  });
});
