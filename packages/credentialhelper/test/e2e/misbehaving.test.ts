import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { type CommonInit, createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { keepLog } from '../support/log-lines.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { childrenOfThisProcess } from '../support/processes.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const library = buildFaultyModule(folder);
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const rsa = makeSelfSigned(folder, 'rsa', 'RSA 2048');
const ec = makeSelfSigned(folder, 'ec', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'rsa', id: '01', file: rsa.keyFile });
softHsm.importKey({ token: 'the-token', label: 'ec', id: '02', file: ec.keyFile });
const server = await startRawServer(folder);
const tls13 = await startRawServer(folder, { minVersion: 'TLSv1.3' });
let tlsVersion: string | null = null;
for (const one of [server, tls13]) {
  one.behave = (socket) => {
    tlsVersion = socket.getProtocol();
    json({ credentials })(socket);
  };
}

const loginLog = join(folder, 'logins');
process.env.LOGIN_LOG = loginLog;
process.env.PIN_PAD_PIN = PIN;

function setFault(fault: Fault | undefined): void {
  if (fault === undefined) delete process.env.FAULT;
  else process.env.FAULT = fault;
}
const logins = () =>
  existsSync(loginLog) ? readFileSync(loginLog, 'utf8').split('\n').length - 1 : 0;

// A PIN that this process knows to be correct is tried again at once after a login that hung.
beforeAll(async () => {
  await open().credentials();
});
beforeEach(() => rmSync(loginLog, { force: true }));
afterEach(() => setFault(undefined));

function open(pkcs11: Partial<Pkcs11Options> = {}, options: Partial<CommonInit> = {}) {
  return createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: pkcs11.privateKeyLabel === 'rsa' ? rsa.certificateFile : ec.certificateFile,
    ca: server.caFile,
    timeoutMs: 3000,
    pkcs11: {
      library,
      userPin: PIN,
      tokenLabel: 'the-token',
      privateKeyLabel: 'ec',
      stateFolder: null,
      ...pkcs11,
    },
    ...options,
  });
}

/** Fails with a fault, and works again without it: this process was not affected. */
async function failsWith(fault: Fault, options: Partial<CommonInit> = {}) {
  setFault(fault);
  const session = open({}, options);
  const error = await errorOf(() => session.credentials());
  expect(inspect(error, { depth: 9 })).not.toContain(PIN);
  await expect.poll(childrenOfThisProcess, { timeout: 5000 }).toEqual([]);
  setFault(undefined);
  expect((await session.refresh()).accessKeyId).toBe(credentials.accessKeyId);
  return error;
}

describe('a defective PKCS#11 module does not affect this process', () => {
  it.each<[string, Fault, string, RegExp]>([
    ['aborts when it is initialized', 'crash', 'ERR_TOKEN_CRASHED', /SIGABRT/],
    [
      'fails to initialize',
      'initialize-error',
      'ERR_PKCS11',
      /C_Initialize returned CKR_GENERAL_ERROR/,
    ],
    ['hangs when it is initialized', 'hang', 'ERR_TOKEN_TIMEOUT', /respond within 3000 ms/],
    ['hangs at the login', 'login-hang', 'ERR_TOKEN_TIMEOUT', /respond within 3000 ms/],
    ['crashes when it signs', 'sign-crash', 'ERR_TOKEN_CRASHED', /SIGSEGV/],
    ['hangs when it signs', 'sign-hang', 'ERR_TOKEN_TIMEOUT', /respond within 3000 ms/],
    [
      'fails in a way of its own',
      'vendor-error',
      'ERR_PKCS11',
      /C_Sign returned CKR_VENDOR_DEFINED.* for token "the-token" in slot \d+/,
    ],
    [
      'refuses to sign',
      'no-sign',
      'ERR_PKCS11',
      /C_SignInit returned CKR_KEY_FUNCTION_NOT_PERMITTED/,
    ],
    ['shows no token', 'no-slots', 'ERR_TOKEN_NOT_FOUND', /shows no initialized token/],
  ])('one that %s', async (_name, fault, code, message) => {
    const error = await failsWith(fault);
    expect(error.code, error.message).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(library);
    expect(error.hint).toBeDefined();
  });

  it('one with invalid signatures', async () => {
    const error = await failsWith('bad-signature');
    expect(error.code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
    expect(error.message).toContain('"ec" of token "the-token"');
  });

  it.each<[string, Fault]>([
    ['crashes', 'sign-crash'],
    ['hangs', 'sign-hang'],
  ])('one that %s: the log says how far it came', async (_name, fault) => {
    setFault(fault);
    const { lines, logger } = keepLog();
    await errorOf(() => open({}, { logger }).credentials());
    const log = lines.join('\n');
    expect(log).toContain(`debug: PKCS#11 library ${library}: "`);
    expect(log).toContain('debug: token "the-token" in slot ');
    expect(log).toMatch(/trace: C_SignInit .* CKR_OK/);
    expect(lines.at(-1)).toMatch(/^debug: fetching credentials failed: /);
  });

  it('one that prints the PIN: its output goes only to the log, without the PIN', async () => {
    setFault('login-print');
    const logged: unknown[] = [];
    const log = (...content: unknown[]) => logged.push(...content);
    const logger = { debug: log, info: log, warn: log, error: log };
    await open({}, { logger }).credentials();
    await expect
      .poll(() => logged.join('\n'), { timeout: 5000 })
      .toContain('C_Login with PIN [secret]');
    expect(logged.join('\n')).not.toContain(PIN);
  });

  it('one that prints the PIN and much more: no part of the PIN is left', async () => {
    setFault('login-print-much');
    const logged: string[] = [];
    const log = (content: string) => logged.push(content);
    const logger = { debug: log, info: log, warn: log, error: log };
    await open({}, { logger }).credentials();
    await expect.poll(() => logged.join('\n'), { timeout: 5000 }).toContain('xxxx');
    expect(logged.join('\n')).not.toContain(PIN.slice(-3));
  });

  it('one whose process is killed from outside: the error does not blame the library', async () => {
    setFault('sign-hang');
    const fetching = errorOf(() => open({}, { timeoutMs: 20_000 }).credentials());
    await expect.poll(childrenOfThisProcess, { timeout: 10_000 }).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    for (const pid of childrenOfThisProcess()) process.kill(Number(pid), 'SIGKILL');
    const error = await fetching;
    expect(error.code).toBe('ERR_TOKEN_CRASHED');
    expect(error.hint).toMatch(/it was killed by/);
  });

  // Another program may delay this one for a whole attempt; a blocked event loop would fail all attempts.
  it('one that takes 2 s for a signature: the event loop of this process is not blocked', {
    retry: 2,
  }, async () => {
    setFault('sign-slow');
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const fetch = open({}, { timeoutMs: 10_000 }).credentials();
    // The start of a process takes time; only the signature of the module is measured.
    await new Promise((resolve) => setTimeout(resolve, 700));
    delay.enable();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    delay.disable();
    expect((await fetch).accessKeyId).toBe(credentials.accessKeyId);
    // A busy machine may delay this process now and then; a blocked event loop would delay it nearly all of the time.
    expect(delay.percentile(99) / 1e6).toBeLessThan(20);
    expect(delay.count).toBeGreaterThan(1000);
  });
});

describe('harmless faults', () => {
  it('a slot that fails beside the token', async () => {
    setFault('other-slots-fail');
    expect((await open().credentials()).accessKeyId).toBe(credentials.accessKeyId);
    const error = await errorOf(() => open({ tokenLabel: 'nope' }).credentials());
    expect(error.message).toMatch(/it has: "the-token" .*; slot \d+: C_GetTokenInfo returned/);
  });

  it('a session with the token that cannot be closed: the original error is reported', async () => {
    setFault('close-error');
    expect((await open().credentials()).accessKeyId).toBe(credentials.accessKeyId);
    const error = await errorOf(() => open({ privateKeyLabel: 'nope' }).credentials());
    expect(error.code).toBe('ERR_KEY_NOT_FOUND');
  });
});

describe('a PIN is never used up', () => {
  it('a wrong PIN is tried once, by any number of sessions and calls', async () => {
    const sessions = Array.from({ length: 3 }, () => open({ userPin: 'wrong-once' }));
    for (const session of [...sessions, ...sessions]) {
      expect((await errorOf(() => session.credentials())).code).toBe('ERR_PIN_INCORRECT');
    }
    expect(logins()).toBe(1);
  });

  it.each<[Fault, string]>([
    ['locked', 'ERR_PIN_LOCKED'],
    ['last-try', 'ERR_PIN_FINAL_TRY'],
  ])(
    'there is no login to a token that reports "%s", unless ignorePinFlags is set',
    async (fault, code) => {
      setFault(fault);
      expect((await errorOf(() => open().credentials())).code).toBe(code);
      expect(logins()).toBe(0);
      await open({ ignorePinFlags: true }).credentials();
      expect(logins()).toBeGreaterThan(0);
    },
  );

  it('a PIN whose login hung is not tried, unless this process knows it to be correct', async () => {
    setFault('login-hang');
    const userPin = 'hung-at-the-login';
    const sessions = [open({ userPin }), open({ userPin, isolate: false }), open()];
    for (const session of [sessions[0], sessions[2]]) {
      const error = await errorOf(async () => session?.credentials());
      expect(error.code).toBe('ERR_TOKEN_TIMEOUT');
    }
    setFault(undefined);
    for (const session of sessions.slice(0, 2)) {
      const error = await errorOf(async () => session?.refresh());
      expect(error.code).toBe('ERR_PIN_UNANSWERED');
      expect(inspect(error, { depth: 9 })).not.toContain(userPin);
    }
    expect(logins()).toBe(2);
    expect((await sessions[2]?.refresh())?.accessKeyId).toBe(credentials.accessKeyId);
    expect(logins()).toBe(3);
    // The file in the hint prevents the attempt.
    const { hint } = await errorOf(() => open({ userPin }).credentials());
    rmSync(/delete (.*)$/.exec(hint ?? '')?.[1] ?? '');
    const error = await errorOf(() => open({ userPin }).credentials());
    expect(error.code).toBe('ERR_PIN_INCORRECT');
    expect(logins()).toBe(4);
  });

  it('a locked PIN is used again after it is unlocked', async () => {
    setFault('locks-at-once');
    const session = open();
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_PIN_LOCKED');
    setFault(undefined);
    expect((await session.refresh()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('is not needed by a token without login, nor by one with a PIN pad', async () => {
    setFault('no-login');
    await open({ userPin: undefined }).credentials();
    expect(logins()).toBe(0);
    setFault('pin-pad');
    await open({ userPin: null }).credentials();
    const error = await errorOf(() => open({ userPin: undefined }).credentials());
    expect(error.hint).toContain('null');
  });
});

describe('the capabilities of a token', () => {
  it.each([true, false])(
    'a key that asks for the PIN at every signature (isolate %s)',
    async (isolate) => {
      const label = `strict-${isolate}`;
      const id = isolate ? '71' : '72';
      const key = ['--type', 'privkey', '--always-auth', '--label', label, '--id', id];
      const der = join(folder, 'ec.der');
      openssl('pkcs8', '-topk8', '-nocrypt', '-in', ec.keyFile, '-outform', 'DER', '-out', der);
      pkcs11Tool('the-token', '--write-object', der, ...key);
      const session = open({ privateKeyLabel: label, isolate });
      expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
      // For the session with the token, for the test signature, and for that of the handshake.
      expect(logins()).toBe(3);
    },
  );

  it('without raw RSA an RSA key works with TLS 1.2, and the error for TLS 1.3 explains it', async () => {
    setFault('no-pss');
    const session = open({ privateKeyLabel: 'rsa' });
    await session.credentials();
    expect(tlsVersion).toBe('TLSv1.2');
    const other = { endpoint: tls13.endpoint, ca: tls13.caFile };
    const error = await errorOf(() => open({ privateKeyLabel: 'rsa' }, other).credentials());
    expect(error.code, error.message).toBe('ERR_TLS_VERSION');
    expect(error.message).toContain('CKM_RSA_X_509');
    expect((await open({}, other).credentials()).accessKeyId).toBe(credentials.accessKeyId);
    expect(tlsVersion).toBe('TLSv1.3');
  });
});
