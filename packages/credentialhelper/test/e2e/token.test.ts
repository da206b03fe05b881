import { readFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { type CommonInit, createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { childrenOfThisProcess } from '../support/processes.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const TOKEN = 'token & co; 100%';
softHsm.initToken(TOKEN);
softHsm.initToken('other token', '0000');

const KEYS = [
  'RSA 2048',
  'RSA 4096',
  'EC P-256',
  'EC P-384',
  'EC P-521',
] as const satisfies readonly KeyType[];
const devices = Object.fromEntries(
  KEYS.map((keyType, index) => {
    const device = makeSelfSigned(folder, `device-${index}`, keyType);
    softHsm.importKey({ token: TOKEN, label: keyType, id: `0${index + 1}`, file: device.keyFile });
    return [keyType, device];
  }),
) as Record<(typeof KEYS)[number], ReturnType<typeof makeSelfSigned>>;

const tls12 = await startRawServer(folder, { maxVersion: 'TLSv1.2' });
const tls13 = await startRawServer(folder, { minVersion: 'TLSv1.3' });

/** Responds with credentials that contain what the server saw: TLS version and certificate. */
const tellWhoCame = (socket: TLSSocket) =>
  json({
    credentials: {
      ...credentials,
      accessKeyId: socket.getProtocol(),
      sessionToken: socket.getPeerCertificate().fingerprint256,
    },
  })(socket);
tls12.behave = tellWhoCame;
tls13.behave = tellWhoCame;

function open(
  pkcs11: Partial<Pkcs11Options> = {},
  options: Partial<CommonInit> = {},
  server = tls12,
) {
  return createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
    certificate: devices['EC P-256'].certificateFile,
    ca: server.caFile,
    pkcs11: {
      library: SOFTHSM_LIBRARY,
      userPin: PIN,
      tokenLabel: TOKEN,
      privateKeyLabel: 'EC P-256',
      ...pkcs11,
    },
    ...options,
  });
}

describe.each(KEYS)('an %s key in a token', (keyType) => {
  const certificate = devices[keyType].certificateFile;
  const ways = [
    { isolate: true, server: tls12, version: 'TLSv1.2' },
    { isolate: true, server: tls13, version: 'TLSv1.3' },
    { isolate: false, server: tls12, version: 'TLSv1.2' },
    { isolate: false, server: tls13, version: 'TLSv1.3' },
  ] as const;

  it.each(ways)('signs for $version with isolate $isolate', async (way) => {
    const { isolate, server, version } = way;
    const session = open({ privateKeyLabel: keyType, isolate }, { certificate }, server);
    const first = await session.credentials();
    expect(first.accessKeyId).toBe(version);
    expect(first.sessionToken, 'the server saw a client certificate').toMatch(
      /^([0-9A-F]{2}:){31}/,
    );
  });
});

describe('a session with a key in a token', () => {
  it('several sessions in one process work, repeatedly', async () => {
    const sessions = KEYS.map((keyType) =>
      open({ privateKeyLabel: keyType }, { certificate: devices[keyType].certificateFile }),
    );
    const seen = await Promise.all(sessions.map((session) => session.credentials()));
    expect(new Set(seen.map(({ sessionToken }) => sessionToken)).size).toBe(KEYS.length);
  });

  it('finds the token by slot id and by serial number', async () => {
    const listed = await errorOf(() => open({ tokenLabel: undefined }).credentials());
    const [, slotId, tokenSerial] =
      /"token & co; 100%" \(slot id (\d+), serial (\w+)\)/.exec(listed.message) ?? [];
    const bySerial = open({ tokenLabel: undefined, tokenSerial });
    expect((await bySerial.credentials()).accessKeyId).toBe('TLSv1.2');
    const session = open({ tokenLabel: undefined, slotId: Number(slotId) });
    expect((await session.credentials()).accessKeyId).toBe('TLSv1.2');
  });

  it.each<[string, Partial<Pkcs11Options>, string, RegExp]>([
    [
      'a token that is not there',
      { tokenLabel: 'nope' },
      'ERR_TOKEN_NOT_FOUND',
      /token=nope\); it has: "other token" \(slot id \d+, serial \w+\), "token & co; 100%" \(/,
    ],
    [
      'a slot that is not there',
      { slotId: 5, tokenLabel: undefined },
      'ERR_TOKEN_NOT_FOUND',
      /slot-id=5\)/,
    ],
    ['a token in another slot', { slotId: 5 }, 'ERR_TOKEN_NOT_FOUND', /slot-id=5\)/],
    [
      'no token named where there are several',
      { tokenLabel: undefined },
      'ERR_TOKEN_AMBIGUOUS',
      /2 tokens match.*"other token".*"token & co; 100%"/,
    ],
    [
      'a key that is not there',
      { privateKeyLabel: 'nope' },
      'ERR_KEY_NOT_FOUND',
      /no private key with the label "nope"; it has: "EC P-256" \(EC P-256\), "EC P-384" \(EC P-384\), .*"RSA 2048" \(RSA 2048\)/,
    ],
    [
      'no key named where there are several',
      { privateKeyLabel: undefined },
      'ERR_KEY_AMBIGUOUS',
      /\d private keys: .*"EC P-384" \(EC P-384\)/,
    ],
    [
      'a key of another certificate of another kind',
      { privateKeyLabel: 'RSA 2048' },
      'ERR_KEY_CERTIFICATE_MISMATCH',
      /"RSA 2048".*\(CN=device-2\)/,
    ],
    [
      'a key of another certificate of the same kind',
      { privateKeyLabel: 'EC P-384' },
      'ERR_KEY_CERTIFICATE_MISMATCH',
      /"EC P-384"/,
    ],
    ['no PIN', { userPin: undefined }, 'ERR_PIN_REQUIRED', /requires a login/],
    [
      'null as PIN for a token without PIN pad',
      { userPin: null },
      'ERR_PIN_REQUIRED',
      /no PIN pad/,
    ],
    [
      'a library that is none',
      { library: '/etc/hostname' },
      'ERR_PKCS11_LIBRARY',
      /\/etc\/hostname/,
    ],
  ])('names %s', async (_name, pkcs11, code, message) => {
    const error = await errorOf(() => open(pkcs11).credentials());
    expect(error.code, error.message).toBe(code);
    expect(error.message).toMatch(message);
    expect(inspect(error, { depth: 9 })).not.toContain(PIN);
  });

  it('tries a wrong PIN once, until it is changed', async () => {
    const userPin = 'wrong-pin';
    const session = open({ userPin });
    const first = await errorOf(() => session.credentials());
    expect(first.code).toBe('ERR_PIN_INCORRECT');
    expect(first.message).toMatch(
      /C_Login returned CKR_PIN_INCORRECT for token "token & co; 100%" in slot \d+/,
    );
    expect(await errorOf(() => session.credentials())).toMatchObject({
      message: first.message,
      retryAt: undefined,
    });
    for (const again of [() => session.refresh(), () => open({ userPin }).credentials()]) {
      const error = await errorOf(again);
      expect(error.code).toBe('ERR_PIN_INCORRECT');
      expect(error.message).toContain('not tried again');
      expect(inspect(error, { depth: 9 })).not.toContain(userPin);
    }
    expect((await open().credentials()).accessKeyId).toBe('TLSv1.2');
  });
});

describe('a logger with the method trace', () => {
  it.each([true, false])(
    'gets a line for each PKCS#11 call, and no secret (isolate %s)',
    async (isolate) => {
      const lines: string[] = [];
      const trace = (line: unknown) => lines.push(String(line));
      const logger = { trace, debug() {}, info() {}, warn() {}, error() {} };
      await open({ isolate }, { logger }).credentials();
      for (const line of [
        /^C_Initialize: CKR_(OK|CRYPTOKI_ALREADY_INITIALIZED), [\d.]+ ms$/,
        /^C_OpenSession slot \d+: CKR_OK, /,
        /^C_Login session \d+ user 1: CKR_OK, /,
        /^C_FindObjectsInit session \d+ CKA_CLASS: CKR_OK, /,
        /^C_GetAttributeValue session \d+ object \d+ CKA_LABEL: CKR_OK, /,
        /^C_SignInit session \d+ CKM_ECDSA: CKR_OK, /,
      ]) {
        expect(
          lines.some((text) => line.test(text)),
          `${line} in ${lines.join('\n')}`,
        ).toBe(true);
      }
      expect(lines.join()).not.toContain(PIN);
    },
  );
});

describe('the child process', () => {
  it('exits after its response', async () => {
    await open().credentials();
    await expect.poll(childrenOfThisProcess, { timeout: 5000 }).toEqual([]);
  });

  it('shows the PIN neither in its arguments nor in its environment', async () => {
    let seen: string | undefined;
    tls12.behave = (socket) => {
      seen = childrenOfThisProcess()
        .flatMap((pid) =>
          ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`)),
        )
        .join('\n');
      tellWhoCame(socket);
    };
    await open().credentials();
    tls12.behave = tellWhoCame;
    expect(seen).toContain('child.js');
    expect(seen).not.toContain(PIN);
  });
});
