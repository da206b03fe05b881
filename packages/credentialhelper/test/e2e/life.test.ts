import { fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createSession, type FromIotCoreInit } from 'awsiot-credentialhelper';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { someOf } from '../support/often.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, type RawServer, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const library = buildFaultyModule(folder);
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });

const LIMIT_MS = 3000;
const base = (more: Partial<FromIotCoreInit>) =>
  ({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: device.certificateFile,
    ca: server.caFile,
    timeoutMs: LIMIT_MS,
    ...more,
  }) as FromIotCoreInit;
const inToken = (tokenLabel = 'the-token', module = library, isolate = true) => ({
  pkcs11: {
    library: module,
    userPin: PIN,
    tokenLabel,
    privateKeyLabel: 'key',
    stateFolder: null,
    isolate,
  },
});
const ENDINGS = ['SIGTERM', 'SIGINT', 'SIGKILL', 'exit'] as const;
// A login blocks others to the same token.
for (const ending of ENDINGS) softHsm.initToken(`login-${ending}`);
const support = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

/** The processes with this text in their command line, without zombies. */
function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe.each<[string, Fault]>([
  ['C_Initialize', 'hang'],
  ['C_Login', 'login-hang'],
  ['C_Sign', 'sign-hang'],
])('a child process whose library hangs in %s', (_function, fault) => {
  it.for(someOf(ENDINGS))(
    'ends within its limit when its parent ends by %s',
    { timeout: 60_000, concurrent: true },
    async (ending, { expect }) => {
      const mark = `LIFE_MARK=${fault}-${ending}-${process.pid}`;
      const token = fault === 'login-hang' ? `login-${ending}` : 'the-token';
      const args = [support('endings.mjs'), JSON.stringify(base(inToken(token))), ending];
      const parent = spawn(process.execPath, args, {
        env: { ...process.env, FAULT: fault, LIFE_MARK: mark.split('=')[1] },
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      const end = new Promise((resolve) => parent.once('exit', resolve));
      await expect.poll(() => processesWith(mark).length, { timeout: 10_000 }).toBe(2);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      if (ending === 'exit') parent.stdin.write('now');
      else parent.kill(ending);
      await end;
      // The alarm fires at most two seconds after the timeout, rounded up.
      await expect.poll(() => processesWith(mark), { timeout: LIMIT_MS + 3000 }).toEqual([]);
    },
  );
});

describe('a time limit', () => {
  it('limits the total waiting time of a caller, including the queue', {
    timeout: 30_000,
  }, async () => {
    process.env.FAULT = 'hang';
    try {
      const begin = performance.now();
      const sessions = Array.from({ length: 5 }, () =>
        createSession(base({ ...inToken(), timeoutMs: 1500 })),
      );
      const errors = await Promise.all(
        sessions.map((session) => errorOf(() => session.credentials())),
      );
      expect(errors.map(({ code }) => code)).toEqual(Array(5).fill('ERR_TOKEN_TIMEOUT'));
      // One has its turn; which, depends on who reads its files first.
      const messages = errors.map(({ message }) => message).join('\n');
      expect(messages).toMatch(/did not respond within 1500 ms|was not ready within/);
      expect(messages).toContain('other requests of this process have been using');
      expect(performance.now() - begin).toBeLessThan(5000);
    } finally {
      delete process.env.FAULT;
    }
  });
});

describe('a received response', () => {
  it('counts, even if the event loop was blocked past the timeout', {
    timeout: 30_000,
  }, async () => {
    server.behave = (socket) => {
      json({ credentials })(socket);
      const nobody = new Int32Array(new SharedArrayBuffer(4));
      setTimeout(() => Atomics.wait(nobody, 0, 0, 4500), 50);
    };
    const options = base({ ...inToken('the-token', SOFTHSM_LIBRARY), timeoutMs: 4000 });
    const { accessKeyId } = await createSession(options).credentials();
    server.behave = json({ credentials });
    expect(accessKeyId).toBe(credentials.accessKeyId);
  });
});

/** Listens on a port with a full backlog: clients wait. */
const FULL_BACKLOG = `
  use Socket; use Fcntl;
  my $address = sockaddr_in(shift, inet_aton("127.0.0.1"));
  socket(my $listener, PF_INET, SOCK_STREAM, 0); setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($listener, $address) or die $!; listen($listener, 0);
  for (0 .. 2) { socket($f[$_], PF_INET, SOCK_STREAM, 0); fcntl($f[$_], F_SETFL, O_NONBLOCK); connect($f[$_], $address) }
  print STDOUT "ready"; close STDOUT; sleep 60;`;

/** Starts a server with a full backlog on a port, and returns a function that stops it. */
async function startFullServer(port: number): Promise<() => void> {
  const silent = spawn('perl', ['-e', FULL_BACKLOG, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => silent.stdout.once('data', resolve));
  return () => silent.kill();
}

async function freePort(): Promise<number> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  return port;
}

describe('a slow connection', () => {
  it.each<[string, Partial<FromIotCoreInit>]>([
    ['a file', { privateKey: device.keyFile }],
    ['a token', inToken('the-token', SOFTHSM_LIBRARY)],
    ['a token, in the calling process', inToken('the-token', SOFTHSM_LIBRARY, false)],
  ])('is waited for until the time limit: a key in %s', async (_name, options) => {
    const port = await freePort();
    const stop = await startFullServer(port);
    try {
      const session = createSession(
        base({ ...options, endpoint: `127.0.0.1:${port}`, timeoutMs: 4000 }),
      );
      const error = await errorOf(() => session.credentials());
      expect(error.code, error.message).toBe('ERR_TIMEOUT');
      expect(error.message).toContain('while connecting');
    } finally {
      stop();
    }
  });

  it('takes no more time of the CPU if there are many of them', async () => {
    const port = await freePort();
    const stop = await startFullServer(port);
    const looks = vi.spyOn(process, 'getActiveResourcesInfo');
    try {
      const options = { endpoint: `127.0.0.1:${port}`, privateKey: device.keyFile };
      const sessions = Array.from({ length: 20 }, () =>
        createSession(base({ ...options, timeoutMs: 1000 })),
      );
      await Promise.all(sessions.map((session) => errorOf(() => session.credentials())));
      // Callers wait: the process goes on, whatever else keeps it running.
      expect(looks.mock.calls.length).toBeLessThan(5);
    } finally {
      looks.mockRestore();
      stop();
    }
  });
});

describe('a refresh in the background', () => {
  const lifetimeMs = 8000;
  const answering: RawServer['behave'] = (socket) => {
    const expiration = new Date(Date.now() + lifetimeMs).toISOString();
    json({ credentials: { ...credentials, expiration } })(socket);
  };
  const hanging = (one: RawServer) => {
    let requests = 0;
    one.behave = (...request) => {
      if (++requests === 1) answering(...request);
    };
  };

  it.each<[string, Partial<FromIotCoreInit>]>([
    ['a file', { privateKey: device.keyFile }],
    ['a token', inToken('the-token', SOFTHSM_LIBRARY)],
    ['a token, in the calling process', inToken('the-token', SOFTHSM_LIBRARY, false)],
  ])(
    'does not delay the end of the process: a key in %s, a server that does not answer',
    { timeout: 40_000 },
    async (_name, options) => {
      hanging(server);
      const args = [JSON.stringify(base({ ...options, timeoutMs: 20_000 }))];
      const program = fork(support('background.mjs'), args);
      const messages: unknown[] = [];
      let doneAt = Number.NaN;
      program.on('message', (message) => {
        messages.push(message);
        doneAt = performance.now();
      });
      await new Promise((resolve) => program.once('exit', resolve));
      expect(messages).toEqual(['first', credentials.accessKeyId]);
      expect(performance.now() - doneAt).toBeLessThan(2000);
      server.behave = json({ credentials });
    },
  );

  it.each<[string, Partial<FromIotCoreInit>]>([
    ['a file', { privateKey: device.keyFile }],
    ['a token', inToken('the-token', SOFTHSM_LIBRARY)],
  ])(
    'is waited for by who closes the session: a key in %s',
    { timeout: 40_000 },
    async (_name, options) => {
      hanging(server);
      const args = [JSON.stringify(base({ ...options, timeoutMs: 8000 })), 'close'];
      const program = fork(support('background.mjs'), args);
      const messages: unknown[] = [];
      program.on('message', (message) => messages.push(message));
      const status = await new Promise((resolve) => program.once('exit', resolve));
      expect(messages).toEqual(['first', credentials.accessKeyId, 'closed']);
      expect(status).toBe(0);
      server.behave = json({ credentials });
    },
  );

  it('does not delay it if no connection is established', { timeout: 40_000 }, async () => {
    // Each request until then: one of an earlier test may still come.
    server.behave = answering;
    const [, serverPort] = server.endpoint.split(':');
    const front = createServer((socket) => {
      const behind = connect(Number(serverPort), '127.0.0.1');
      socket.pipe(behind).pipe(socket);
      for (const one of [socket, behind]) one.on('error', () => {});
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const { port } = front.address() as AddressInfo;
    const options = base({ privateKey: device.keyFile, timeoutMs: 20_000 });
    const args = [JSON.stringify({ ...options, endpoint: `localhost:${port}` }), 'told'];
    const program = fork(support('background.mjs'), args);
    const exit = new Promise((resolve) => program.once('exit', resolve));
    expect(await new Promise((resolve) => program.once('message', resolve))).toBe('first');
    front.close();
    const stop = await startFullServer(port);
    program.send('go on');
    try {
      await new Promise((resolve) => program.once('message', resolve));
      const doneAt = performance.now();
      await exit;
      expect(performance.now() - doneAt).toBeLessThan(2000);
    } finally {
      stop();
      server.behave = json({ credentials });
    }
  });
});

describe('a fleet that is kept fresh', () => {
  const options = {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    ca: server.caFile,
    timeoutMs: 1000,
    keepFresh: true,
  };
  const thing = { certificate: device.certificateFile, privateKey: device.keyFile };
  const start = (endpoint: string, count: number) =>
    fork(
      support('fresh-fleet.mjs'),
      [JSON.stringify({ options: { ...options, endpoint }, thing, count })],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );

  it('sends no more requests if nothing else keeps the process running', async () => {
    const port = await freePort();
    const stop = await startFullServer(port);
    try {
      const program = start(`127.0.0.1:${port}`, 200);
      const ended = new Promise((resolve) => program.once('exit', resolve));
      const output = new Promise((resolve) => program.stdout?.once('data', resolve));
      expect(await new Promise((resolve) => program.once('message', resolve))).toBe('added');
      program.disconnect();
      await ended;
      expect(Number(await output)).toBeGreaterThan(0);
    } finally {
      stop();
    }
  });

  it('waits for slow connections in a process that only a channel to its parent keeps running', async () => {
    const port = await freePort();
    const stop = await startFullServer(port);
    try {
      const program = start(`127.0.0.1:${port}`, 1);
      await new Promise((resolve) => program.once('message', resolve));
      const failures = async () => {
        program.send('stats');
        return await new Promise((resolve) => program.once('message', resolve));
      };
      await expect.poll(failures, { timeout: 10_000 }).toEqual({ ERR_TIMEOUT: 1 });
      program.disconnect();
    } finally {
      stop();
    }
  });
});
