import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSession, type FromIotCoreInit, fromIotCore } from 'awsiot-credentialhelper';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeDated, makeSelfSigned, openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import {
  answer,
  credentials,
  json,
  resetConnection,
  startRawServer,
} from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('dated');
const server = await startRawServer(folder);
const emulator = await startEmulator({ region: 'eu-west-1' });
afterAll(() => emulator.close());

const now = Date.now();
const expired = makeDated(folder, 'expired', now - 20 * DAY, now - 10 * DAY);
const future = makeDated(folder, 'future', now + 10 * DAY, now + 20 * DAY);
const ending = makeDated(folder, 'ending', now - DAY, now + 5.5 * DAY);

const pkcs8 = join(folder, 'expired.pkcs8');
openssl('pkcs8', '-topk8', '-nocrypt', '-in', expired.keyFile, '-out', pkcs8);
softHsm.importKey({ token: 'dated', label: 'expired', id: '01', file: pkcs8 });
const der = join(folder, 'expired.der');
openssl('x509', '-in', expired.certificateFile, '-outform', 'DER', '-out', der);
pkcs11Tool('dated', '--write-object', der, '--type', 'cert', '--label', 'expired', '--id', '01');

/** Options for a certificate and key in files, and the resulting warnings. */
function dated(device: typeof expired, more: Partial<FromIotCoreInit> = {}) {
  const warnings: string[] = [];
  const options = {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: device.certificateFile,
    privateKey: device.keyFile,
    ca: server.caFile,
    logger: { debug() {}, info() {}, warn: (text: string) => warnings.push(text), error() {} },
    ...more,
  } as FromIotCoreInit;
  return { options, warnings };
}

const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'dated' };
const inToken = { privateKey: undefined, pkcs11 };
const WAYS: Record<string, Partial<FromIotCoreInit>> = {
  'a key in a file': {},
  'a key in a token': inToken,
  'a key in a token, in this process': { ...inToken, pkcs11: { ...pkcs11, isolate: false } },
  'key and certificate in a token': { ...inToken, certificate: 'pkcs11:' },
  'key and certificate in a token, in this process': {
    ...inToken,
    certificate: 'pkcs11:',
    pkcs11: { ...pkcs11, isolate: false },
  },
};

describe.each(Object.entries(WAYS))('an expired certificate with %s', (_name, way) => {
  it('causes one warning for any number of uses', async () => {
    const { options, warnings } = dated(expired, way);
    // Credentials that are about to expire are fetched again at each call.
    const expiration = new Date(Date.now() + 1).toISOString();
    server.behave = json({ credentials: { ...credentials, expiration } });
    const provider = fromIotCore(options);
    for (let i = 0; i < 2; i++) await provider().catch(() => {});
    const about = warnings.filter((text) => text.includes('expired on'));
    expect(about).toHaveLength(1);
    expect(about[0]).toMatch(
      /^certificate [0-9a-f]{64} \(CN=expired\) expired on 20.*clock says 20/,
    );
  });

  it('is named if the server responds with 403 or resets the connection', async () => {
    const { options } = dated(expired, way);
    const denied = answer('403 Forbidden', '{"message":"Access Denied"}', [
      'x-amzn-requestid: r-1',
    ]);
    server.behave = denied;
    const forbidden = await errorOf(() => createSession(options).credentials());
    expect(forbidden).toMatchObject({
      code: 'ERR_CERTIFICATE_EXPIRED',
      httpStatus: 403,
      requestId: 'r-1',
      retryable: false,
    });
    expect(forbidden.cause).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
    expect(forbidden.message).toMatch(/\(CN=expired\) expired on .*clock says .*Access Denied/);
    server.behave = resetConnection;
    const reset = await errorOf(() => createSession(options).credentials());
    expect(reset.code).toBe('ERR_CERTIFICATE_EXPIRED');
    expect(reset.cause).toMatchObject({ code: 'ERR_CONNECTION_RESET' });
  });
});

describe('a server that checks the validity in the handshake', async () => {
  const own = makeSelfSigned(folder, 'strict', 'EC P-256', [
    ...['-addext', 'subjectAltName=DNS:localhost'],
  ]);
  /** `openssl s_server` sends the alerts that Node.js's server does not. */
  const strict = async (device: typeof expired, version: string) => {
    const child: ChildProcess = spawn('openssl', [
      ...['s_server', '-accept', '0', '-key', own.keyFile, '-cert', own.certificateFile],
      ...['-Verify', '1', '-verify_return_error', '-CAfile', device.certificateFile, version],
    ]);
    const { stdout } = child;
    if (stdout === null) throw new Error('no output');
    let text = '';
    while (!/ACCEPT .*:\d+/.test(text)) text += (await once(stdout, 'data')).join('');
    return { child, endpoint: `localhost:${/ACCEPT .*:(\d+)/.exec(text)?.[1]}` };
  };

  it.each([
    ['expired', expired, '-tls1_2', 'ERR_CERTIFICATE_EXPIRED'],
    ['expired', expired, '-tls1_3', 'ERR_CERTIFICATE_EXPIRED'],
    ['not yet valid', future, '-tls1_3', 'ERR_CERTIFICATE_NOT_YET_VALID'],
  ] as const)('rejects one that is %s (%s)', async (_name, device, version, code) => {
    const { child, endpoint } = await strict(device, version);
    const { options } = dated(device, { endpoint, ca: own.certificateFile });
    const error = await errorOf(() => createSession(options).credentials());
    child.kill();
    expect(error.code, error.message).toBe(code);
    expect((error.cause as Error).message).toMatch(/ALERT|closed before/);
  });
});

describe('with the emulator', () => {
  const common = { endpoint: emulator.credentialsEndpoint, ca: emulator.ca };

  it('a rejected expired certificate is named', async () => {
    const error = await errorOf(() => createSession(dated(expired, common).options).credentials());
    expect(error).toMatchObject({ code: 'ERR_CERTIFICATE_EXPIRED', httpStatus: 403 });
    expect(error.cause).toMatchObject({ code: 'ERR_CERTIFICATE_NOT_REGISTERED' });
    expect(error.requestId).toBeDefined();
    expect(error.message).toMatch(/this device's clock says .*, the server's 20/);
  });

  it('a rejected valid certificate is not', async () => {
    const { options, warnings } = dated(ending, common);
    const error = await errorOf(() => createSession(options).credentials());
    expect(error.code).toBe('ERR_CERTIFICATE_NOT_REGISTERED');
    expect(warnings.join()).toMatch(/expires on .*, in 5 days; this device's clock says/);
  });
});

it('warns about a rotated certificate too', async () => {
  const { certificateFile, keyFile } = makeDated(folder, 'rotating', now - DAY, now + 20.5 * DAY);
  const { options, warnings } = dated({ certificateFile, keyFile });
  const expiration = new Date(Date.now() + 1).toISOString();
  server.behave = json({ credentials: { ...credentials, expiration } });
  const provider = fromIotCore(options);
  await provider().catch(() => {});
  copyFileSync(ending.certificateFile, certificateFile);
  copyFileSync(ending.keyFile, keyFile);
  await provider({ forceRefresh: true }).catch(() => {});
  expect(warnings.filter((text) => text.includes('expires on'))).toEqual([
    expect.stringMatching(/\(CN=rotating\) .* in 20 days/),
    expect.stringMatching(/\(CN=ending\) .* in 5 days/),
  ]);
});
