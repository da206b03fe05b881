import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STSClient } from '@aws-sdk/client-sts';
import {
  createFleet,
  createSession,
  type FromIotCoreInit,
  fromIotCore,
} from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { expectStory, keepLog } from '../support/log-lines.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const aws = await startEmulator();
afterAll(() => aws.close());
afterEach(() => aws.faults.clear());
const thing = await aws.seed({ thingName: 'device', roleAlias: 'device' });
const id = new X509Certificate(thing.certificatePem).fingerprint256
  .replaceAll(':', '')
  .toLowerCase();
const privateKey = join(folder, 'key.pem');
const pkcs8 = createPrivateKey(thing.privateKeyPem).export({ type: 'pkcs8', format: 'pem' });
writeFileSync(privateKey, pkcs8, { mode: 0o600 });
const pinFile = join(folder, 'pin');
writeFileSync(pinFile, PIN, { mode: 0o600 });
softHsm.initToken('the-token');
softHsm.importKey({ token: 'the-token', label: 'the-key', id: '01', file: privateKey });

const common = {
  endpoint: aws.credentialsEndpoint,
  region: aws.region,
  roleAlias: 'device',
  thingName: 'device',
  certificate: thing.certificatePem,
  ca: aws.ca,
  maxWaitMs: 0,
};
const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'the-token' };

const WAYS: Record<string, Partial<FromIotCoreInit>> = {
  'a key from a file': { privateKey },
  'a key in a token': { pkcs11 },
  'a key in a token, in the calling process': { pkcs11: { ...pkcs11, isolate: false } },
};

/** The lines of the first call for credentials, from `debug` on. */
async function storyOf(more: object): Promise<readonly string[]> {
  const { lines, logger } = keepLog(['debug', 'info', 'warn', 'error']);
  const session = createSession({ ...common, ...more, logger } as FromIotCoreInit);
  await session.credentials().catch(() => {});
  await session.close();
  return lines;
}

const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
const line = (...parts: readonly string[]) => new RegExp(`^${parts.join('')}$`);
const SETTINGS = /^debug: session: endpoint \S+; /;
const CERTIFICATE = line(
  `debug: device certificate ${id} \\(CN=.*\\), valid from ${TIME} to ${TIME}`,
);
const LOOKUP = 'debug: localhost:\\d+: lookup \\d+ ms \\((127\\.0\\.0\\.1|::1|, )+\\), ';
const CONNECT = `${LOOKUP}connect \\d+ ms \\(.*(127\\.0\\.0\\.1|::1)\\), `;
const SERVER = 'TLSv1\\.[23], server certificate "localhost" issued by ".+", valid until .+ GMT';
const HANDSHAKE = `${CONNECT}TLS handshake \\d+ ms \\(${SERVER}\\), `;
const RESPONSE = line(HANDSHAKE, 'response \\d+ ms \\(HTTP 200, request id [0-9a-f-]{36}\\)');
const CREDENTIALS = line(
  `info: credentials for role alias "device" from localhost:\\d+, valid until ${TIME}`,
);
const NEXT = line(`debug: next refresh with the first call after ${TIME}`);
const CHILD = /^debug: child process \d+ (started in \d+ ms, Node\.js v\d|is used again$)/;
const LIBRARY = /^debug: PKCS#11 library \/.*softhsm2\.so: ".+" by "SoftHSM", version \d+\.\d+$/;
const TOKEN = /^debug: token "the-token" in slot \d+: serial number "[0-9a-f]+", "SoftHSM v2" by "/;
const KEY = line(
  'debug: private key pkcs11:token=the-token;serial=[0-9a-f]+;object=the-key;id=%01;type=private ',
  `\\(RSA 2048\\), for certificate ${id} \\(1 in its chain\\); opened in \\d+ ms`,
);
const failed = (message: string, next = `not before ${TIME}`) =>
  line(`debug: fetching credentials failed: .*${message}.*; next attempt ${next}`);

describe('the log of a session at "debug"', () => {
  it('tells the story of a fetch with a key from a file', async () => {
    expectStory(await storyOf({ privateKey }), [
      SETTINGS,
      CERTIFICATE,
      RESPONSE,
      CREDENTIALS,
      NEXT,
    ]);
  });

  it.each<[string, boolean, readonly RegExp[]]>([
    ['in a child process', true, [CHILD]],
    ['in this process', false, []],
  ])('tells the story of a fetch with a key in a token %s', async (_where, isolate, child) => {
    expectStory(await storyOf({ pkcs11: { ...pkcs11, isolate } }), [
      ...[SETTINGS, CERTIFICATE, ...child, LIBRARY, TOKEN, KEY, RESPONSE, CREDENTIALS, NEXT],
    ]);
  });

  it.each<[string, object, readonly RegExp[]]>([
    [
      'a wrong PIN',
      { pkcs11: { ...pkcs11, userPin: 'wrong-pin' } },
      [
        CHILD,
        LIBRARY,
        TOKEN,
        failed('CKR_PIN_INCORRECT', 'after a change of PIN, files or options'),
      ],
    ],
    [
      'a label that no token has',
      { pkcs11: { ...pkcs11, tokenLabel: 'other' } },
      [CHILD, LIBRARY, failed('no token matches .* it has: "the-token"')],
    ],
    [
      'a label that no key has',
      { pkcs11: { ...pkcs11, privateKeyLabel: 'other' } },
      [CHILD, LIBRARY, TOKEN, failed('no private key with the label "other"; it has: "the-key"')],
    ],
    [
      'a label that no key has, in this process',
      { pkcs11: { ...pkcs11, privateKeyLabel: 'other', isolate: false } },
      [LIBRARY, TOKEN, failed('no private key with the label "other"; it has: "the-key"')],
    ],
    [
      'a name that does not resolve',
      { privateKey, endpoint: 'device.invalid' },
      [/^debug: device\.invalid: lookup failed after \d+ ms$/, failed('cannot be resolved')],
    ],
    [
      'a port where nothing listens',
      { privateKey, endpoint: 'localhost:1' },
      [
        line(
          LOOKUP,
          'connect failed after \\d+ ms \\((.*, )?(127\\.0\\.0\\.1|::1): ECONNREFUSED\\)',
        ),
        failed('nothing listens'),
      ],
    ],
    [
      'a server that is not trusted',
      { privateKey, ca: thing.certificatePem },
      [
        line(CONNECT, `TLS handshake failed after \\d+ ms \\(${SERVER}\\)`),
        failed('does not chain to a trusted CA'),
      ],
    ],
    [
      'a role alias that does not exist',
      { privateKey, roleAlias: 'none' },
      [
        line(HANDSHAKE, 'response \\d+ ms \\(HTTP 403, request id [0-9a-f-]{36}\\)'),
        failed('HTTP 403'),
      ],
    ],
  ])('tells the story of a first fetch that fails: %s', async (_name, more, patterns) => {
    expectStory(await storyOf(more), [SETTINGS, CERTIFICATE, ...patterns]);
  });

  it.each(Object.entries(WAYS))('tells where the time went with %s', async (_name, way) => {
    aws.faults.add({ action: 'hang' });
    const lines = await storyOf({ ...way, timeoutMs: 2000 });
    expect(lines.at(-2)).toMatch(line(HANDSHAKE, 'response failed after \\d+ ms'));
    expect(lines.at(-1)).toMatch(failed('timed out after 2000 ms waiting for the response'));
  });
});

describe('the settings in the log', () => {
  const settingsOf = async (more: object) => (await storyOf(more))[0];

  it('name files, and what has its default', async () => {
    expect(await settingsOf({ privateKey, maxWaitMs: undefined, timeoutMs: 5000 })).toBe(
      [
        `debug: session: endpoint ${common.endpoint}`,
        `region ${aws.region} (option)`,
        'role alias "device"',
        'thing "device"',
        'certificate: the PEM text given as "certificate"',
        `private key: file "${privateKey}"`,
        'passphrase: none',
        'CA: the PEM text given as "ca"',
        'proxy: none',
        'timeoutMs 5000',
        'maxWaitMs 6000 (default)',
        'keepFresh false (default)',
        'verifyPeer true (default)',
      ].join('; '),
    );
  });

  const uri = `pkcs11:token=the-token;object=the-key?module-path=${SOFTHSM_LIBRARY}`;
  process.env.TEST_LOG_PIN = PIN;
  it.each<[string, object, string]>([
    ['as text', pkcs11, 'private key: pkcs11:token=the-token;type=private; PIN: passed as text'],
    ['from a file', { ...pkcs11, userPin: { file: pinFile } }, 'PIN: from a file'],
    [
      'from an environment variable',
      { ...pkcs11, userPin: { environmentVariable: 'TEST_LOG_PIN' } },
      'PIN: from an environment variable',
    ],
    ['from a function', { ...pkcs11, userPin: () => PIN }, 'PIN: from a function'],
    [
      'in a URI, with the library',
      { uri: `${uri}&pin-source=${pinFile}` },
      `PKCS#11 library: ${SOFTHSM_LIBRARY} (named in the URI); private key: pkcs11:token=the-token;object=the-key;type=private; PIN: from a file (named in the URI)`,
    ],
    [
      'not needed, as the token has a PIN pad',
      { ...pkcs11, userPin: null },
      "PIN: from the token's PIN pad",
    ],
    ['as text, in this process', { ...pkcs11, isolate: false }, '; used in this process; '],
  ])('say where the PIN comes from: %s', async (_name, token, expected) => {
    expect(await settingsOf({ pkcs11: token })).toContain(expected);
  });

  it('say where the passphrase comes from', async () => {
    expect(await settingsOf({ privateKey, passphrase: () => 'not-needed' })).toContain(
      'passphrase: from a function',
    );
  });

  it.each<[string, object]>([
    ['us-east-2 (option)', { region: 'us-east-2' }],
    [
      'eu-west-1 (endpoint)',
      { endpoint: 'abc.credentials.iot.eu-west-1.amazonaws.invalid', timeoutMs: 1000 },
    ],
    ['us-west-2 (parentClientConfig)', { parentClientConfig: { region: 'us-west-2' } }],
    ['ap-south-1 (AWS_REGION)', {}],
  ])('say where the region comes from: %s', async (expected, more) => {
    process.env.AWS_REGION = 'ap-south-1';
    const line = await settingsOf({ privateKey, region: undefined, ...more });
    delete process.env.AWS_REGION;
    expect(line).toContain(`; region ${expected}; `);
  });

  it('are logged once', async () => {
    const { lines, logger } = keepLog();
    const session = createSession({ ...common, privateKey, logger });
    for (let call = 0; call < 3; call++) await session.refresh();
    expect(lines.filter((text) => SETTINGS.test(text))).toHaveLength(1);
  });
});

it('the logger of the calling client gets all lines, too', async () => {
  const { lines, logger } = keepLog(['debug', 'info']);
  const credentials = fromIotCore({ ...common, privateKey });
  const sts = new STSClient({ region: aws.region, credentials, logger });
  await sts.config.credentials();
  sts.destroy();
  // Its certificate was read before there was a client.
  expectStory(lines, [SETTINGS, RESPONSE, CREDENTIALS, NEXT]);
});

it('each line of a fleet begins with the name of the thing', async () => {
  const { lines, logger } = keepLog(['debug', 'info']);
  const { endpoint, region, roleAlias, certificate, ca } = common;
  const fleet = createFleet({ endpoint, region, roleAlias, ca, logger });
  const session = await fleet.add({ thingName: 'device', certificate, privateKey });
  await session.credentials();
  await fleet.close();
  expectStory(
    lines.map((text) => text.replace(': thing "device": ', ': ')),
    [SETTINGS, CERTIFICATE, RESPONSE, CREDENTIALS, NEXT],
  );
  expect(lines.filter((text) => text.includes(': thing "device": '))).toHaveLength(lines.length);
});

it('a session that keeps fresh logs when it will refresh', async () => {
  const lines = await storyOf({ privateKey, keepFresh: true });
  expect(lines.at(-1)).toMatch(line(`debug: next refresh at ${TIME}`));
});

it('a TLS identity logs library, token, key and certificate', async () => {
  const { lines, logger } = keepLog(['debug']);
  const { certificate, ca } = common;
  const identity = await openTlsIdentity({ certificate, ca, pkcs11, logger });
  identity.close();
  expectStory(lines, [CERTIFICATE, LIBRARY, TOKEN, KEY]);
});

describe('a refresh that fails', () => {
  it('is a warning, with the current credentials, the tries, and the next attempt, once', async () => {
    const { lines, logger } = keepLog(['warn']);
    // They are due for a refresh after a second.
    aws.faults.add({ lifetimeMs: 3000, count: 1 });
    const session = createSession({ ...common, privateKey, keepFresh: true, logger });
    await session.credentials();
    aws.faults.add({ response: { status: 503 } });
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    await session.close();
    const failure = 'warn: refreshing the credentials failed: .* HTTP 503';
    const current = 'the current credentials stay valid until|there are no current credentials';
    const next = `next attempt not before ${TIME}`;
    expect(lines[0]).toMatch(
      line(`${failure}; the current credentials stay valid until ${TIME}; ${next}`),
    );
    expect(lines[1]).toMatch(
      line(`${failure}; 2 tries since ${TIME}; (${current})( ${TIME})?; ${next}`),
    );
    expect(lines[1]?.match(/next/g)).toHaveLength(1);
  });

  it('with a logger that throws or rejects changes nothing', async () => {
    const fail = () => {
      throw new Error('the disk of the log is full');
    };
    const reject = () => Promise.reject(new Error('the server of the log is away'));
    const logger = { trace: fail, debug: reject, info: fail, warn: fail, error: fail };
    aws.faults.add({ lifetimeMs: 3000, count: 1 });
    const session = createSession({ ...common, pkcs11, keepFresh: true, logger });
    await session.credentials();
    aws.faults.add({ response: { status: 503 }, count: 1 });
    await expect.poll(() => session.stats.fetches, { timeout: 10_000 }).toBe(2);
    expect(session.stats.failures).toEqual({ ERR_SERVICE: 1 });
    await session.close();
  });
});

it('a first fetch that fails throws its error with a logger that throws, too', async () => {
  const logger = keepLog().logger;
  const throwing = { ...logger, debug: () => expect.fail('the log is full') };
  const session = createSession({ ...common, privateKey, roleAlias: 'none', logger: throwing });
  expect((await errorOf(() => session.credentials())).code).toBe('ERR_ACCESS_DENIED');
});
