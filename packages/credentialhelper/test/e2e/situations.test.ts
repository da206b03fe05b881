import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { FromIotCoreInit } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });

const common = {
  endpoint: server.endpoint,
  region: 'eu-west-1',
  roleAlias: 'the-alias',
  maxWaitMs: 0,
  // In memory, so that only the tested part is missing.
  certificate: readFileSync(device.certificateFile, 'utf8'),
  ca: readFileSync(server.caFile, 'utf8'),
} satisfies Partial<FromIotCoreInit>;
const pkcs11 = {
  library: SOFTHSM_LIBRARY,
  userPin: PIN,
  tokenLabel: 'the-token',
  privateKeyLabel: 'key',
};

/** `credentials`, or the properties of an error; `raw` if it is not of this package. */
type Outcome =
  | 'credentials'
  | {
      readonly code?: string;
      readonly message?: string;
      readonly hint?: string;
      readonly retryable?: boolean;
      readonly cause?: string;
      readonly raw?: string;
    };

/** The results with a key in a file, one in a token, and one in a token used in the calling process. */
type Outcomes = Record<'file' | 'token' | 'inProcess', Outcome>;

/** The definition of a situation, besides that in `situation.mjs`. */
interface Situation {
  /** What the program does: see `situation.mjs`. */
  readonly name?: string;
  /** The Node.js executable. */
  readonly node?: string;
  /** Flags of Node.js. */
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A shell command that runs `"$@"`. Default: that alone. */
  readonly shell?: string;
  readonly isolate?: object;
  readonly timeoutMs?: number;
  /** Default: the certificate of the server. */
  readonly ca?: undefined;
}

const PROGRAM = fileURLToPath(new URL('../support/situation.mjs', import.meta.url));
let runs = 0;

/** Gets credentials in each way in a separate process, and returns the results. */
async function outcomesIn(situation: Situation): Promise<Outcomes> {
  const { name = 'plain', node = process.execPath, flags = [], isolate, timeoutMs } = situation;
  const file = join(folder, `outcome-${++runs}`);
  const options = { ...common, timeoutMs, ...('ca' in situation ? { ca: undefined } : {}) };
  const sessions = {
    file: { ...options, privateKey: readFileSync(device.keyFile, 'utf8') },
    token: { ...options, pkcs11: { ...pkcs11, isolate } },
    inProcess: { ...options, pkcs11: { ...pkcs11, isolate: false } },
  } satisfies Record<keyof Outcomes, object>;
  const args = [node, ...flags, PROGRAM, JSON.stringify(sessions), file, name];
  const child = spawn('sh', ['-c', situation.shell ?? 'exec "$@"', 'sh', ...args], {
    cwd: folder,
    env: { ...process.env, ...situation.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // With its own process group, so that all of it can be killed.
    detached: true,
  });
  let printed = '';
  child.stderr.on('data', (text) => {
    printed += text;
  });
  let isOver = false;
  const end = new Promise<void>((resolve) => {
    child.on('close', () => {
      isOver = true;
      resolve();
    });
  });
  const endGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid ?? 0), signal);
    } catch {
      // It has exited.
    }
  };
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  try {
    const deadline = Date.now() + 40_000;
    while (text() === '' && !isOver && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (flags.includes('--watch')) endGroup('SIGTERM');
    const late = setTimeout(() => endGroup('SIGKILL'), 5000);
    await end;
    clearTimeout(late);
    if (text() === '') throw new Error(`no outcome: ${printed}`);
    return JSON.parse(text());
  } finally {
    endGroup('SIGKILL');
  }
}

function write(name: string, text: string, mode = 0o644): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode });
  return file;
}

const preload = (name: string, text: string): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--require ${write(`${name}.cjs`, text)}`,
});

const EVERYTHING = { file: 'credentials', token: 'credentials', inProcess: 'credentials' };
/** The result with a key in a token if no child process can be started. */
const noChild = (code: string, message: RegExp, hint: RegExp) => ({
  file: 'credentials',
  token: expect.objectContaining({
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  }),
  inProcess: 'credentials',
});

describe('credentials are returned', { timeout: 90_000 }, () => {
  it.each<[string, Situation]>([
    ['under node --watch', { flags: ['--watch'] }],
    [
      'beside a preloaded program that uses the channel',
      {
        env: preload(
          'talks',
          `if (process.send) for (const message of [{ hello: 1 }, 'ready', 7, null, { kind: 'answer' },
             { 'watch:require': ['a'] }, { sender: 'awsiot-credentialhelper' },
             { sender: 'awsiot-credentialhelper', message: 'no JSON' }]) process.send(message);`,
        ),
      },
    ],
    ['in a folder that was deleted', { name: 'deleted folder' }],
    ['with a frozen environment', { name: 'frozen environment' }],
    ['in a worker thread', { name: 'worker thread' }],
    ['in a cluster worker', { name: 'cluster worker' }],
    ['with nothing open', { shell: 'exec "$@" <&- >&- 2>&-' }],
    [
      'with no folder that can be written to',
      {
        env: { XDG_STATE_HOME: '/proc/none', XDG_RUNTIME_DIR: '/proc/none', TMPDIR: '/proc/none' },
      },
    ],
    [
      'with flags that would keep a child process from its work',
      { env: { NODE_OPTIONS: '--inspect-port=0 --inspect=127.0.0.1:0' } },
    ],
    [
      'in an application with Node.js built in that names another',
      { node: join(folder, 'application'), isolate: { node: process.execPath } },
    ],
  ])('%s', async (_name, situation) => {
    copyFileSync(process.execPath, join(folder, 'application'));
    expect(await outcomesIn(situation)).toEqual(EVERYTHING);
  });
});

/** Runs as a user without a name and a home folder, who is permitted to use the token. */
const asNobody = (limit = '') => {
  const { SOFTHSM2_CONF = '' } = process.env;
  execFileSync('chmod', ['-R', 'a+rwX', folder, dirname(SOFTHSM2_CONF)]);
  const unset = ['HOME', 'XDG_STATE_HOME', 'XDG_RUNTIME_DIR'].map((name) => `-u ${name}`).join(' ');
  const user = '--reuid=54321 --regid=54321 --clear-groups';
  return `exec env ${unset} setpriv ${user} ${limit} "$@"`;
};

describe.runIf(process.getuid?.() === 0)('a user without a name', { timeout: 90_000 }, () => {
  it('gets credentials, without HOME', async () => {
    expect(await outcomesIn({ shell: asNobody() })).toEqual(EVERYTHING);
  });

  it('reports that no process is left', async () => {
    const { file, token } = await outcomesIn({ shell: asNobody('prlimit --nproc=12') });
    expect(file).toBe('credentials');
    expect(token).toMatchObject({
      code: 'ERR_OUT_OF_RESOURCES',
      // If the process can be started, it cannot start its threads.
      message: expect.stringMatching(/EAGAIN|SIGABRT/),
      retryable: true,
    });
  });
});

describe('the error names what prevents a child process from working', { timeout: 90_000 }, () => {
  it.each<[string, Situation, string, RegExp, RegExp]>([
    [
      'an application with Node.js built in',
      { node: join(folder, 'application') },
      'ERR_CHILD_PROGRAM',
      /no Node\.js is known to run it: .*\/application is an application with Node\.js built in/,
      /"pkcs11.isolate": { "node": PATH }/,
    ],
    [
      'one that was started again as a child process',
      { env: { AWSIOT_CREDENTIALHELPER_CHILD: '1' } },
      'ERR_CHILD_PROGRAM',
      /was started as a child process of this package/,
      /"pkcs11.isolate": { "node": PATH }/,
    ],
    [
      'a Node.js that is not there',
      { isolate: { node: '/no/such/node' } },
      'ERR_CHILD_PROGRAM',
      /\/no\/such\/node: spawn \/no\/such\/node ENOENT/,
      /names another/,
    ],
    [
      'one that may not be run',
      { isolate: { node: write('not-executable', '') } },
      'ERR_CHILD_PROGRAM',
      /not-executable: spawn .* EACCES/,
      /permission denied/,
    ],
    [
      'one that is damaged',
      { isolate: { node: write('damaged', '\x7fELF nothing', 0o755) } },
      'ERR_CHILD_PROGRAM',
      /damaged: spawn .* ENOEXEC|ended before it was ready/,
      /damaged|see its output in "cause"/,
    ],
    [
      'a program that is not there',
      { isolate: { program: '/no/such/program.js' } },
      'ERR_CHILD_PROGRAM',
      /is missing: \/no\/such\/program\.js/,
      /dist\/token-request-child\.js/,
    ],
    [
      'a program of another version',
      {
        isolate: {
          program: write(
            'other-version.mjs',
            `process.send({ sender: 'awsiot-credentialhelper', message: JSON.stringify(
               { kind: 'ready', content: { version: '0.0.1' } }) }); setInterval(() => {}, 1000);`,
          ),
        },
      },
      'ERR_CHILD_PROGRAM',
      /is of version 0\.0\.1 of this package/,
      /Restart it/,
    ],
    [
      'a large environment',
      { name: 'large environment' },
      'ERR_CHILD_PROGRAM',
      /E2BIG/,
      /environment variables .* are too large/,
    ],
    [
      'a preloaded program that fails',
      { env: preload('fails', "if (process.send) throw new Error('the preload failed');") },
      'ERR_CHILD_PROGRAM',
      /ended before it was ready \(exit status 1\)/,
      /preloads/,
    ],
    [
      'a preloaded program that is slow',
      {
        env: preload(
          'slow',
          'if (process.send) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000);',
        ),
        timeoutMs: 1500,
      },
      'ERR_TOKEN_TIMEOUT',
      /was not ready within 1500 ms/,
      /preloads .* slow/,
    ],
  ])('%s', async (_name, situation, code, message, hint) => {
    copyFileSync(process.execPath, join(folder, 'application'));
    const outcomes = await outcomesIn(situation);
    expect(outcomes).toEqual(noChild(code, message, hint));
  });

  it('quotes the output of a preloaded program', async () => {
    const env = preload('fails', "if (process.send) throw new Error('the preload failed');");
    expect((await outcomesIn({ env })).token).toMatchObject({
      cause: expect.stringContaining('the preload failed'),
    });
  });

  it('no file descriptor: retryable, for every kind of key', async () => {
    const outcomes = await outcomesIn({ name: 'no descriptor', shell: 'ulimit -n 40; exec "$@"' });
    expect(outcomes.token).toMatchObject({
      code: 'ERR_OUT_OF_RESOURCES',
      message: expect.stringContaining('EMFILE'),
      hint: expect.stringContaining('ulimit -n'),
      retryable: true,
    });
    for (const outcome of Object.values(outcomes)) expect(outcome).not.toHaveProperty('raw');
  });
});

describe('the settings of this process', { timeout: 90_000 }, () => {
  it.skipIf(!('setDefaultCACertificates' in tls))(
    'its default CA certificates count in the child process too',
    async () => {
      const set = `require('node:tls').setDefaultCACertificates([${JSON.stringify(common.ca)}]);`;
      const env = preload('set-ca', `if (!process.send) ${set}`);
      expect(await outcomesIn({ env, ca: undefined })).toEqual(EVERYTHING);
    },
  );

  it('flags of its command line for trust apply to the child process', async () => {
    const flags = ['--use-openssl-ca'];
    const env = { SSL_CERT_FILE: server.caFile };
    expect(await outcomesIn({ flags, env, ca: undefined })).toEqual(EVERYTHING);
  });
});

const NODE = Number(process.versions.node.split('.')[0]);

describe("Node.js's permission model", { timeout: 90_000 }, () => {
  const permission = NODE < 23 ? '--experimental-permission' : '--permission';
  const files = ['--allow-fs-read=*', '--allow-fs-write=*'];
  const network = NODE >= 25 ? ['--allow-net'] : [];

  it('reaches the child process', async () => {
    const flags = [permission, ...files, ...network, '--allow-child-process', '--allow-addons'];
    expect(await outcomesIn({ flags })).toEqual(EVERYTHING);
  });

  it.runIf(NODE >= 25)('is named where it forbids the network', async () => {
    const forbidden = expect.objectContaining({
      code: 'ERR_NETWORK',
      hint: expect.stringContaining('--allow-net'),
    });
    expect((await outcomesIn({ flags: [permission, ...files] })).file).toEqual(forbidden);
  });

  it('is named if it forbids what a token needs', async () => {
    expect(await outcomesIn({ flags: [permission, ...files, ...network] })).toEqual({
      file: 'credentials',
      token: expect.objectContaining({
        code: 'ERR_CHILD_PROGRAM',
        hint: expect.stringContaining('--allow-child-process'),
      }),
      inProcess: expect.objectContaining({
        code: 'ERR_PKCS11_BINDING',
        hint: expect.stringContaining('--allow-addons'),
      }),
    });
  });
});
