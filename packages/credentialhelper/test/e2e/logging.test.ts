import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
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

describe('the tracing channel', () => {
  it('reports of each fetch, of what failed, and nothing secret', async () => {
    const told: [string, object][] = [];
    const listeners = (['start', 'asyncEnd', 'error'] as const).map((event) => {
      const listen = (context: unknown) => told.push([event, { ...(context as object) }]);
      subscribe(`tracing:awsiot-credentialhelper:fetch:${event}`, listen);
      return () => unsubscribe(`tracing:awsiot-credentialhelper:fetch:${event}`, listen);
    });
    const session = createSession(options);
    const { secretAccessKey, sessionToken } = await session.credentials();
    aws.faults.add({ response: { status: 503 }, count: 1 });
    await errorOf(() => session.refresh());
    for (const stop of listeners) stop();
    const context = { endpoint: options.endpoint, roleAlias: 'device', thingName: 'device' };
    expect(told).toMatchObject([
      ['start', context],
      ['asyncEnd', { ...context, result: { expiration: session.expiration } }],
      ['start', context],
      ['error', { ...context, error: { code: 'ERR_SERVICE' } }],
      ['asyncEnd', context],
    ]);
    for (const secret of [secretAccessKey, sessionToken]) {
      expect(JSON.stringify(told)).not.toContain(secret);
    }
  });
});

/** What a program prints on stderr at a level. */
async function stderrAt(level: string | undefined, more: object = {}): Promise<string> {
  const program = `import { createSession } from 'awsiot-credentialhelper';
    await createSession(JSON.parse(process.argv[1])).credentials().catch(() => {});`;
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

  it('reports at "debug" what was connected to, and how long each step took', async () => {
    const lines = await stderrAt('debug');
    expect(lines).toMatch(
      /debug: \S+ \((127\.0\.0\.1|::1), TLSv1\.3, server localhost\) responded with HTTP 200, request id [0-9a-f-]{36}: lookup \d+ ms, connect \d+ ms, TLS handshake \d+ ms, response \d+ ms\n/,
    );
    expect(lines).not.toContain('ASIA');
  });

  it('reports at "debug" of a first fetch that failed', async () => {
    expect(await stderrAt('debug', { roleAlias: 'none' })).toMatch(
      /debug: no credentials: .*HTTP 4\d\d/,
    );
  });

  it('reports of each PKCS#11 call at "trace", and not the PIN', async () => {
    const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'device' };
    const lines = await stderrAt('trace', { privateKey: undefined, pkcs11 });
    expect(lines).toMatch(/trace: C_Login .*CKR_OK/);
    expect(lines).not.toContain(PIN);
  });
});
