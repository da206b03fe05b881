import { subscribe } from 'node:diagnostics_channel';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createSession, type FromIotCoreInit } from 'awsiot-credentialhelper';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepLog } from '../support/log-lines.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { Planted, plantedKey } from '../support/planted.ts';
import { answer, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const server = await startRawServer(folder);
const device = makeSelfSigned(folder, 'device');
const pem = readFileSync(device.keyFile, 'utf8');
chmodSync(device.keyFile, 0o600);
softHsm.initToken('the-token');
softHsm.importKey({ token: 'the-token', label: 'the-key', id: '01', file: device.keyFile });

const PASSPHRASE = 'Orchard-Wall-7351';
const WRONG = 'Meadow-Gate-9264';
const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ19';
const SESSION_TOKEN = 'IQoJb3JpZ2luX2VjEHoaCWV1LXdlc3QtMSJ';
const secrets = [
  ...[PIN, PASSPHRASE, WRONG, SECRET_ACCESS_KEY, SESSION_TOKEN].map((text) => new Planted(text)),
  plantedKey(pem),
];
const encryptedKey = join(folder, 'encrypted.pem');
const encrypt = ['-topk8', '-passout', `pass:${PASSPHRASE}`];
openssl('pkcs8', '-in', device.keyFile, ...encrypt, '-out', encryptedKey);
chmodSync(encryptedKey, 0o600);
const encryptedPem = readFileSync(encryptedKey, 'utf8');
const pinFile = join(folder, 'pin');
writeFileSync(pinFile, PIN, { mode: 0o600 });
process.env.TEST_SECRET_PIN = PIN;

const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'the-token' };
const uri = `pkcs11:token=the-token?module-path=${SOFTHSM_LIBRARY}&pin-value=${encodeURIComponent(PIN)}`;
const issued = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: SECRET_ACCESS_KEY,
  sessionToken: SESSION_TOKEN,
};

const traced: unknown[] = [];
for (const channel of ['exchange', 'refresh']) {
  for (const event of ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
    subscribe(`tracing:awsiot-credentialhelper:${channel}:${event}`, (context) => {
      traced.push(context);
    });
  }
}
beforeEach(() => {
  server.behave = json({
    credentials: { ...issued, expiration: new Date(Date.now() + 3_600_000).toISOString() },
  });
});
afterEach(() => {
  traced.length = 0;
});

/** Fetches twice, and once in vain, and returns all that was logged and traced; fails if a secret is in it. */
async function logOf(more: object): Promise<string> {
  const { lines, logger } = keepLog();
  try {
    const session = createSession({
      ...{ endpoint: server.endpoint, region: 'eu-west-1', roleAlias: 'the-alias' },
      ...{ certificate: device.certificateFile, ca: server.caFile, maxWaitMs: 0, logger },
      ...more,
    } as FromIotCoreInit);
    await session.refresh().catch(() => {});
    await session.refresh().catch(() => {});
    const body = JSON.stringify({ credentials: issued, message: 'no' });
    server.behave = answer('403 Forbidden', body, ['x-amzn-requestid: 1']);
    await session.refresh().catch(() => {});
    await session.close();
  } catch {
    // Rejected at once: the settings are in the log.
  }
  const text = [...lines, inspect(traced, { depth: 9, maxStringLength: null })].join('\n');
  for (const secret of secrets) expect(secret.find(text)).toBeUndefined();
  return text;
}

it.each<[string, object, boolean]>([
  ['a key from a file', { privateKey: device.keyFile }, true],
  ['a key as text', { privateKey: pem }, true],
  ['a key as bytes', { privateKey: Buffer.from(pem) }, true],
  ['an encrypted key', { privateKey: encryptedKey, passphrase: PASSPHRASE }, true],
  ['an encrypted key as text', { privateKey: encryptedPem, passphrase: () => PASSPHRASE }, true],
  ['a wrong passphrase', { privateKey: encryptedKey, passphrase: WRONG }, false],
  ['a wrong passphrase later', { privateKey: encryptedKey, passphrase: () => WRONG }, false],
  ['a key in a token', { pkcs11 }, true],
  ['a key in a token, in this process', { pkcs11: { ...pkcs11, isolate: false } }, true],
  ['a PIN from a file', { pkcs11: { ...pkcs11, userPin: { file: pinFile } } }, true],
  [
    'a PIN from an environment variable',
    { pkcs11: { ...pkcs11, userPin: { environmentVariable: 'TEST_SECRET_PIN' } } },
    true,
  ],
  ['a PIN from a function', { pkcs11: { ...pkcs11, userPin: () => PIN } }, true],
  ['a PIN in a URI', { pkcs11: { uri } }, true],
  ['a wrong PIN', { pkcs11: { ...pkcs11, userPin: WRONG } }, false],
  [
    'a wrong PIN, in this process',
    { pkcs11: { ...pkcs11, userPin: WRONG, isolate: false } },
    false,
  ],
])('with %s nothing secret is logged at any level, nor traced', async (_name, more, succeeds) => {
  const text = await logOf(more);
  expect(text).toContain('debug: session: endpoint');
  if (succeeds) {
    expect(text.match(/info: credentials for role alias/g)).toHaveLength(2);
    expect(text).toMatch(/debug: fetching credentials failed: .* HTTP 403: no/);
  } else expect(text).not.toContain('info:');
  expect(/trace: C_/.test(text)).toBe('pkcs11' in more);
});
