import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import { afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { keepLog } from '../support/log-lines.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { childrenOfThisProcess } from '../support/processes.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const library = buildFaultyModule(folder);
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const ec = makeSelfSigned(folder, 'ec', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'ec', id: '01', file: ec.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });

const start = process.cwd();
const configuration = process.env.SOFTHSM2_CONF ?? '';
afterEach(async () => {
  process.chdir(start);
  process.env.SOFTHSM2_CONF = configuration;
  delete process.env.FAULT;
  await expect.poll(childrenOfThisProcess, { timeout: 5000 }).toEqual([]);
});

function open(pkcs11: Partial<Pkcs11Options> = {}) {
  const { lines, logger } = keepLog(['debug']);
  const session = createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: ec.certificateFile,
    ca: server.caFile,
    logger,
    pkcs11: { library, userPin: PIN, tokenLabel: 'the-token', stateFolder: null, ...pkcs11 },
  });
  /** Gets credentials. Returns whether each child process that took part was new. */
  const refresh = async () => {
    lines.length = 0;
    expect((await session.refresh()).accessKeyId).toBe(credentials.accessKeyId);
    return lines.flatMap((line) => {
      const [, how] = /child process \d+ (started|is used again)/.exec(line) ?? [];
      return how === undefined ? [] : [how === 'started' ? 'new' : 'kept'];
    });
  };
  return { session, refresh };
}

const setFault = (fault: Fault) => {
  process.env.FAULT = fault;
};

describe('a child process that is kept for the next request', () => {
  it('is replaced without a failure if it was killed meanwhile', async () => {
    const { refresh } = open();
    expect(await refresh()).toEqual(['new']);
    expect(await refresh()).toEqual(['kept']);
    for (const pid of childrenOfThisProcess()) process.kill(pid, 'SIGKILL');
    expect(await refresh()).toEqual(['new']);
  });

  it('is replaced without a failure if the library crashes at its second use, and not kept again', async () => {
    setFault('second-session-crash');
    const { refresh } = open();
    expect(await refresh()).toEqual(['new']);
    expect(await refresh()).toEqual(['kept', 'new']);
    expect(await refresh()).toEqual(['new']);
  });

  it('does not serve a request from another working folder', async () => {
    process.env.SOFTHSM2_CONF = 'softhsm2.conf';
    process.chdir(dirname(configuration));
    const { refresh, session } = open();
    await refresh();
    const other = join(folder, 'other');
    mkdirSync(join(other, 'tokens'), { recursive: true });
    writeFileSync(join(other, 'softhsm2.conf'), `directories.tokendir = ${other}/tokens\n`);
    process.chdir(other);
    expect((await errorOf(() => session.refresh())).code).toBe('ERR_TOKEN_NOT_FOUND');
  });

  it('is not kept logged in: each PIN is checked by the token', async () => {
    setFault('never-closes');
    await open().refresh();
    const { session } = open({ userPin: 'another' });
    expect((await errorOf(() => session.refresh())).code).toBe('ERR_PIN_INCORRECT');
  });

  it('does not lose the rejected PIN of another library, even if no folder can keep it', async () => {
    const log = join(folder, 'logins');
    const logins = () => readFileSync(log, 'utf8').split('\n').length - 1;
    const another = join(folder, 'another.so');
    copyFileSync(library, another);
    const { XDG_RUNTIME_DIR, TMPDIR } = process.env;
    Object.assign(process.env, { XDG_RUNTIME_DIR: '/proc', TMPDIR: '/proc', LOGIN_LOG: log });
    try {
      const { session } = open({ userPin: 'wrong-pin' });
      setFault('login-slow');
      const slow = open({ library: another }).refresh();
      await expect.poll(childrenOfThisProcess).toHaveLength(1);
      delete process.env.FAULT;
      expect((await errorOf(() => session.refresh())).code).toBe('ERR_PIN_INCORRECT');
      await slow;
      expect(logins()).toBe(2);
      expect((await errorOf(() => session.refresh())).code).toBe('ERR_PIN_INCORRECT');
      expect(logins()).toBe(2);
    } finally {
      delete process.env.LOGIN_LOG;
      process.env.XDG_RUNTIME_DIR = XDG_RUNTIME_DIR;
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
  });
});
