import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { openssl } from '../support/openssl.ts';
import { type Serving, send, startServe, until } from '../support/serve.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const key = write('key.pem', seed.privateKeyPem);
const common = `endpoint: ${aws.credentialsEndpoint}
roleAlias: alias
thingName: thing
certificate: ${write('cert.pem', seed.certificatePem)}
ca: ${write('ca.pem', aws.ca)}
`;
const config = write('config.yaml', `${common}privateKey: ${key}\n`);
const tokenFile = write('token', 'token-of-the-service');
const env = { AWS_CONFIG_FILE: join(folder, 'none'), XDG_RUNTIME_DIR: '' };
const ARGS = ['--config', config, '--token-file', tokenFile];

const children: ChildProcess[] = [];
const servings: Serving[] = [];
afterEach(async () => {
  aws.faults.clear();
  await Promise.all(servings.splice(0).map((serving) => serving.stop()));
  for (const child of children.splice(0)) child.kill();
});

/** A service manager that receives messages. */
async function startManager(path: string) {
  const program = fileURLToPath(new URL('../support/notify-socket.py', import.meta.url));
  const child = spawn('/usr/bin/python3', [program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await until(() => text.includes('listening'));
  const messages = () =>
    text
      .split('\n')
      .slice(1, -1)
      .map(
        (line) => JSON.parse(line) as { readonly pid: number; readonly lines: readonly string[] },
      );
  const lines = () => messages().flatMap((message) => message.lines);
  return {
    messages,
    lines,
    received: (line: string | RegExp, limitMs?: number) =>
      until(
        () => lines().some((one) => (typeof line === 'string' ? one === line : line.test(one))),
        limitMs,
      ),
  };
}

const start = async (more: Readonly<Record<string, string>>, args: readonly string[] = ARGS) => {
  const serving = await startServe(['--listen', '127.0.0.1:0', ...args], { ...env, ...more });
  servings.push(serving);
  return serving;
};

describe('the service manager', () => {
  it.each([
    ['a path', join(folder, 'notify.sock')],
    ['an abstract name', `@awsiot-credentialhelper-test-${process.pid}`],
  ])('gets the states over a socket with %s: ready, reloading, stopping', async (_, path) => {
    const manager = await startManager(path);
    const serving = await start({ NOTIFY_SOCKET: path });
    await manager.received('READY=1');
    await manager.received('STATUS=1 of 1 things have valid credentials');
    serving.child.kill('SIGHUP');
    await manager.received('RELOADING=1');
    await manager.received(/^MONOTONIC_USEC=\d+$/);
    await until(() => manager.lines().filter((line) => line === 'READY=1').length === 2);
    expect(await serving.stop()).toBe(0);
    await manager.received('STOPPING=1');
    // With NotifyAccess=main only messages of the main process count.
    expect(new Set(manager.messages().map(({ pid }) => pid))).toEqual(new Set([serving.child.pid]));
    const order = manager.lines().filter((line) => /^(?:READY|RELOADING|STOPPING)=/.test(line));
    expect(order).toEqual(['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']);
  });

  it('is notified after the first credentials, and asked for more time until then', async () => {
    const path = join(folder, 'late.sock');
    const manager = await startManager(path);
    aws.faults.add({ connection: 'refuse' });
    const serving = await start({ NOTIFY_SOCKET: path });
    await manager.received(/^STATUS=0 of 1 things have valid credentials; thing: ERR_/);
    await manager.received(/^EXTEND_TIMEOUT_USEC=\d+$/);
    expect((await send(`${serving.base}/healthz`)).status).toBe(200);
    expect(manager.lines()).not.toContain('READY=1');
    aws.faults.clear();
    await manager.received('READY=1', 30_000);
    await manager.received('STATUS=1 of 1 things have valid credentials');
  });

  it('gets signs of life for its watchdog, until the event loop stops', async () => {
    const path = join(folder, 'watchdog.sock');
    const manager = await startManager(path);
    const serving = await start({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' });
    const signs = () => manager.lines().filter((line) => line === 'WATCHDOG=1').length;
    await until(() => signs() >= 5);
    serving.child.kill('SIGSTOP');
    const before = signs();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(signs() - before).toBeLessThanOrEqual(1);
    serving.child.kill('SIGCONT');
    await until(() => signs() > before + 1);
  });

  it('of another process has no watchdog here', async () => {
    const path = join(folder, 'other.sock');
    const manager = await startManager(path);
    await start({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' });
    await manager.received('READY=1');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(manager.lines()).not.toContain('WATCHDOG=1');
  });

  it.each(['vsock:2:1234', 'relative.sock', `/${'x'.repeat(200)}`])(
    'that cannot be told by %s is named in a warning',
    async (path) => {
      const serving = await start({ NOTIFY_SOCKET: path });
      await serving.said('warning: the service manager gets no messages');
      await until(async () => (await send(`${serving.base}/readyz`)).status === 200);
    },
  );

  it('that has ended does not matter', async () => {
    const serving = await start({ NOTIFY_SOCKET: join(folder, 'nobody.sock') });
    await until(async () => (await send(`${serving.base}/readyz`)).status === 200);
    expect(await serving.stop()).toBe(0);
  });
});

describe('socket activation', () => {
  it('serves on the sockets of systemd: TCP and Unix', async () => {
    const port = await freePort();
    const socketPath = join(folder, 'activated.sock');
    const child = spawn(
      'systemd-socket-activate',
      [
        ...[
          '-l',
          `127.0.0.1:${port}`,
          '-l',
          socketPath,
          '-E',
          `AWS_CONFIG_FILE=${env.AWS_CONFIG_FILE}`,
        ],
        ...[process.execPath, MAIN, 'serve', ...ARGS],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    children.push(child);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    await until(() => stderr.includes('Listening on') && statSync(socketPath).isSocket());
    // The first connection starts the service, and is answered by it.
    const authorization = 'token-of-the-service';
    const first = await send(`http://127.0.0.1:${port}/healthz`);
    expect(first.status).toBe(200);
    await until(async () => (await send(`http://127.0.0.1:${port}/readyz`)).status === 200);
    const byTcp = await send(`http://127.0.0.1:${port}/credentials`, { authorization });
    const byUnix = await send('http://localhost/credentials', { authorization }, { socketPath });
    expect([byTcp.status, byUnix.status]).toEqual([200, 200]);
    expect(byUnix.body).toBe(byTcp.body);
    expect(stderr).toContain(`listening on http://127.0.0.1:${port}`);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('refuses a socket that other machines can reach', async () => {
    const port = await freePort();
    const program = [process.execPath, MAIN, 'serve', ...ARGS];
    const child = spawn('systemd-socket-activate', ['-l', `0.0.0.0:${port}`, ...program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    await until(() => stderr.includes('Listening on'));
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await expect(send(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    expect(await ended).toBe(2);
    expect(stderr).toContain('error: other machines may reach 0.0.0.0');
  });

  it('does not take the sockets of another process', async () => {
    const serving = await startServe(['--listen', '127.0.0.1:0', ...ARGS], {
      ...env,
      LISTEN_FDS: '1',
      LISTEN_PID: '1',
    });
    servings.push(serving);
    expect((await send(`${serving.base}/healthz`)).status).toBe(200);
  });
});

describe('credentials of systemd', () => {
  it('hold token and PIN', async () => {
    softHsm.initToken('device');
    const pkcs8 = join(folder, 'key.pkcs8');
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', pkcs8);
    softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });
    const CREDENTIALS_DIRECTORY = join(folder, 'credentials');
    mkdirSync(CREDENTIALS_DIRECTORY);
    write('credentials/pin', PIN);
    write('credentials/token', 'token-of-the-credential');
    const file = write(
      'unit.yaml',
      `${common}pkcs11: { library: ${SOFTHSM_LIBRARY}, tokenLabel: device, userPin: { systemdCredential: pin } }\n`,
    );
    const args = ['--config', file, '--token-file', join(CREDENTIALS_DIRECTORY, 'token')];
    const serving = await start({ CREDENTIALS_DIRECTORY }, args);
    await until(async () => (await send(`${serving.base}/readyz`)).status === 200);
    const authorization = 'token-of-the-credential';
    expect((await send(`${serving.base}/credentials`, { authorization })).status).toBe(200);
    // The same by its path: %d/pin in a unit.
    const byPath = write(
      'path.yaml',
      `${common}pkcs11: { library: ${SOFTHSM_LIBRARY}, tokenLabel: device, userPin: { file: credentials/pin } }\n`,
    );
    const other = await start({ CREDENTIALS_DIRECTORY }, ['--config', byPath, ...args.slice(2)]);
    await until(async () => (await send(`${other.base}/readyz`)).status === 200);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
