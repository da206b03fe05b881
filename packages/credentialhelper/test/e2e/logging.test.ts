import { execFile, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { promisify } from 'node:util';
import { createSession } from 'awsiot-credentialhelper';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
chmodSync(device.keyFile, 0o600);
const aws = await startEmulator();
afterAll(() => aws.close());
afterEach(() => aws.faults.clear());
const thing = await aws.seed({ thingName: 'device', roleAlias: 'device' });
softHsm.initToken('device');
softHsm.importKey({ token: 'device', label: 'key', id: '01', file: device.keyFile });

const options = {
  endpoint: aws.credentialsEndpoint,
  region: aws.region,
  roleAlias: 'device',
  thingName: 'device',
  certificate: thing.certificatePem,
  privateKey: thing.privateKeyPem,
  ca: aws.ca,
  maxWaitMs: 0,
};

describe('the statistics of a session', () => {
  it('count what was fetched, what failed, and what came from memory', async () => {
    const session = createSession(options);
    expect(session.stats).toEqual({
      fetches: 0,
      failures: {},
      servedFromMemory: 0,
      lastError: undefined,
      skewMs: undefined,
      nextFetch: undefined,
    });
    aws.faults.add({ response: { status: 503 }, count: 2 });
    await errorOf(() => session.credentials());
    await errorOf(() => session.credentials());
    await errorOf(() => session.refresh());
    const { failures, lastError, nextFetch } = session.stats;
    expect(failures).toEqual({ ERR_SERVICE: 2 });
    expect(lastError?.code).toBe('ERR_SERVICE');
    expect(Number(nextFetch) - Date.now()).toBeGreaterThan(1000);
    await session.refresh();
    for (let call = 0; call < 10; call++) await session.credentials();
    const stats = session.stats;
    expect(stats).toMatchObject({ fetches: 1, failures, servedFromMemory: 10 });
    expect(Math.abs(stats.skewMs ?? Number.NaN)).toBeLessThan(2000);
    expect(Number(stats.nextFetch) - Date.now()).toBeGreaterThan(45 * 60_000);
  });
});

/** Keeps the events of a channel; the result ends it and returns them. */
function subscribeTo(channel: 'exchange' | 'refresh') {
  const told: [string, object][] = [];
  const listeners = (['start', 'asyncEnd', 'error'] as const).map((event) => {
    const name = `tracing:awsiot-credentialhelper:${channel}:${event}`;
    const listen = (context: unknown) => told.push([event, { ...(context as object) }]);
    subscribe(name, listen);
    return () => unsubscribe(name, listen);
  });
  return () => {
    for (const stop of listeners) stop();
    return told;
  };
}

describe('the tracing channels', () => {
  const context = { endpoint: options.endpoint, roleAlias: 'device', thingName: 'device' };

  it('report each exchange, and each refresh with the credentials that it replaces', async () => {
    const [exchanges, refreshes] = [subscribeTo('exchange'), subscribeTo('refresh')];
    const session = createSession(options);
    const { secretAccessKey, sessionToken, expiration } = await session.credentials();
    await session.credentials();
    await session.refresh();
    aws.faults.add({ response: { status: 503 }, count: 1 });
    await errorOf(() => session.refresh());
    const result = {
      expiration: expect.any(Date),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    };
    const skewMs = expect.any(Number);
    const sent = exchanges();
    expect(sent).toEqual([
      ['start', context],
      ['asyncEnd', { ...context, result: { ...result, skewMs } }],
      ['start', context],
      ['asyncEnd', { ...context, result: { ...result, skewMs } }],
      ['start', context],
      ['error', { ...context, error: expect.objectContaining({ code: 'ERR_SERVICE' }) }],
      ['asyncEnd', { ...context, error: expect.objectContaining({ code: 'ERR_SERVICE' }) }],
    ]);
    const replaced = refreshes();
    const of = { ...context, expiration };
    expect(replaced).toMatchObject([
      ['start', of],
      ['asyncEnd', { ...of, result: { expiration: session.expiration } }],
      ['start', { ...context, expiration: session.expiration }],
      ['error', { ...context, error: { code: 'ERR_SERVICE' } }],
      ['asyncEnd', { ...context, error: { code: 'ERR_SERVICE' } }],
    ]);
    for (const secret of [secretAccessKey, sessionToken]) {
      expect(JSON.stringify([sent, replaced])).not.toContain(secret);
    }
  });

  it('report an exchange with a key in a token, and one that fails before it is sent', async () => {
    const exchanges = subscribeTo('exchange');
    const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'none' };
    const session = createSession({ ...options, privateKey: undefined, pkcs11 });
    await errorOf(() => session.credentials());
    const error = { code: 'ERR_TOKEN_NOT_FOUND' };
    expect(exchanges()).toMatchObject([
      ['start', context],
      ['error', { error }],
      ['asyncEnd', { error }],
    ]);
  });

  it('report a refresh in the background', async () => {
    aws.faults.add({ lifetimeMs: 3000, count: 1 });
    const session = createSession({ ...options, keepFresh: true });
    await session.credentials();
    const refreshes = subscribeTo('refresh');
    await expect.poll(() => session.stats.fetches, { timeout: 10_000 }).toBe(2);
    await session.close();
    expect(refreshes().map(([event]) => event)).toEqual(['start', 'asyncEnd']);
  });
});

const SESSION = `import { createSession } from 'awsiot-credentialhelper';
  await createSession(JSON.parse(process.argv[1])).credentials().catch(() => {});
  process.stdout.write('fetched');`;

/** What a program prints on stderr at a level. */
async function stderrAt(
  level: string | undefined,
  more: object = {},
  program = SESSION,
): Promise<string> {
  const args = ['--input-type=module', '--eval', program, JSON.stringify({ ...options, ...more })];
  const { AWS_IOT_LOG: _, ...env } = process.env;
  const { stderr } = await promisify(execFile)(process.execPath, args, {
    env: level === undefined ? env : { ...env, AWS_IOT_LOG: level },
  });
  return stderr;
}

describe('AWS_IOT_LOG', () => {
  it('reports nothing if it is not set, or names no level', async () => {
    expect(await stderrAt(undefined)).toBe('');
    expect(await stderrAt('verbose')).toBe('');
  });

  it('reports of new credentials at "info"', async () => {
    expect(await stderrAt('info')).toMatch(
      /^awsiot-credentialhelper: info: credentials for role alias "device" from \S+, valid until \S+\n$/,
    );
  });

  it('reports at "debug" the settings, the request, and the next refresh', async () => {
    const lines = (await stderrAt('debug')).trimEnd().split('\n');
    expect(
      lines.map((line) => line.replace(/^awsiot-credentialhelper: /, '').slice(0, 15)),
    ).toEqual([
      ...['debug: session:', 'debug: device c', 'debug: localhos', 'info: credentia'],
      'debug: next ref',
    ]);
    expect(lines.join()).not.toContain('ASIA');
  });

  it('reports at "debug" of a first fetch that failed', async () => {
    expect(await stderrAt('debug', { roleAlias: 'none' })).toMatch(
      /debug: fetching credentials failed: .*HTTP 4\d\d/,
    );
  });

  it('counts more than the logger of a client, which may be one that does nothing', async () => {
    const program = SESSION.replace(
      'JSON.parse(process.argv[1])',
      `{
      ...JSON.parse(process.argv[1]),
      parentClientConfig: { logger: { debug() {}, info() {}, warn() {}, error() {} } },
    }`,
    );
    expect(await stderrAt('info', {}, program)).toContain('info: credentials for role alias');
  });

  it('is for TLS identities, too', async () => {
    const { certificate, privateKey } = options;
    const program = `import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
      const { certificate, privateKey } = JSON.parse(process.argv[1]);
      await openTlsIdentity({ certificate, privateKey });`;
    const lines = await stderrAt('debug', { certificate, privateKey }, program);
    expect(lines).toMatch(/^awsiot-credentialhelper: debug: device certificate [0-9a-f]{64} /);
  });

  it('does not end a program whose stderr nobody reads', async () => {
    const args = ['--input-type=module', '--eval', SESSION, JSON.stringify(options)];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, AWS_IOT_LOG: 'debug' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.destroy();
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const [status] = await once(child, 'close');
    expect([status, printed]).toEqual([0, 'fetched']);
  });

  it('reports of each PKCS#11 call at "trace", and not the PIN', async () => {
    const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'device' };
    const lines = await stderrAt('trace', { privateKey: undefined, pkcs11 });
    expect(lines).toMatch(/trace: C_Login .*CKR_OK/);
    expect(lines).not.toContain(PIN);
  });
});
