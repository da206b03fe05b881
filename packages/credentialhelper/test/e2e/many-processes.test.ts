import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromIotCoreInit, Pkcs11Options } from 'awsiot-credentialhelper';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { often } from '../support/often.ts';
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
const library = buildFaultyModule(folder);

const loginLog = join(folder, 'logins');
process.env.LOGIN_LOG = loginLog;
const logins = () =>
  existsSync(loginLog) ? readFileSync(loginLog, 'utf8').split('\n').length - 1 : 0;
beforeEach(() => rmSync(loginLog, { force: true }));

const LIBRARY = fileURLToPath(import.meta.resolve('awsiot-credentialhelper'));
const PROGRAM = `
  import { createSession } from ${JSON.stringify(LIBRARY)};
  const session = createSession(JSON.parse(process.argv[1]));
  console.log(await session.credentials().then(() => 'credentials', ({ code }) => code));`;

interface Process {
  readonly child: ChildProcess;
  /** The code of the error, `credentials`, or the signal that ended it. */
  readonly end: Promise<string>;
}

function start(userPin: string, pkcs11: Partial<Pkcs11Options> = {}, fault = ''): Process {
  const all: FromIotCoreInit = {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    timeoutMs: 100_000,
    maxWaitMs: 0,
    pkcs11: {
      library,
      userPin,
      tokenLabel: 'the-token',
      privateKeyLabel: 'key',
      isolate: false,
      ...pkcs11,
    },
  };
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, JSON.stringify(all)],
    { env: { ...process.env, FAULT: fault }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const end = new Promise<string>((resolve) => {
    child.on('close', (_code, signal) => resolve(signal ?? printed.trim()));
  });
  return { child, end };
}

async function endsOf(processes: readonly Process[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const end of await Promise.all(processes.map((one) => one.end))) {
    counts[end] = (counts[end] ?? 0) + 1;
  }
  return counts;
}

describe('many processes at once', { timeout: 180_000 }, () => {
  it.each<[string, string | null | undefined]>([
    ['with a state folder', undefined],
    ['without one', null],
    ['with one that cannot be made', '/proc/none/state'],
  ])('try a wrong PIN once, on a token that takes its time, %s', async (name, stateFolder) => {
    const processes = Array.from({ length: often(stateFolder === undefined ? 100 : 50) }, () =>
      start(`wrong ${name}`, { stateFolder }, 'login-slow'),
    );
    expect(await endsOf(processes)).toEqual({ ERR_PIN_INCORRECT: processes.length });
    expect(logins()).toBe(1);
  });

  it('count the try of one that is killed while it logs in', async () => {
    // It hangs before SoftHSM sees the login: a kill during a write would destroy the token.
    const first = start('wrong and killed', {}, 'login-hang');
    await expect.poll(logins, { timeout: 20_000, interval: 5 }).toBe(1);
    const others = Array.from({ length: 10 }, () => start('wrong and killed', {}, 'login-slow'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    first.child.kill('SIGKILL');
    expect(await first.end).toBe('SIGKILL');
    expect(await endsOf(others)).toEqual({ ERR_PIN_UNANSWERED: 10 });
    expect(logins()).toBe(1);
  });

  it('all succeed with the correct PIN', async () => {
    for (let round = 0; round < often(5); round++) {
      const processes = Array.from({ length: 12 }, () => start(PIN, { library: SOFTHSM_LIBRARY }));
      expect(await endsOf(processes)).toEqual({ credentials: 12 });
    }
  });
});
