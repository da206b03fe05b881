import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkOptions, type FromIotCoreInit } from '../../src/options/options.ts';
import type { TokenSettings } from '../../src/options/token-options.ts';
import { createSession } from '../../src/session.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const library = join(folder, 'library.so');
writeFileSync(library, '');

const good: FromIotCoreInit = {
  endpoint: 'a1b2.credentials.iot.eu-west-1.amazonaws.com',
  roleAlias: 'alias',
  thingName: 'thing',
  certificate: 'cert.pem',
  privateKey: 'key.pem',
};
const withToken = (pkcs11: unknown): unknown => ({ ...good, privateKey: undefined, pkcs11 });
const check = (options: unknown) => checkOptions(options as FromIotCoreInit);
const tokenOf = (options: unknown): TokenSettings => {
  const { key } = check(options);
  if (key.kind !== 'token') throw new Error('not a key in a token');
  return key.token;
};

describe('checkOptions', () => {
  it('accepts the minimal options and sets the defaults', () => {
    const { thingName: _, ...smallest } = good;
    expect(check(smallest)).toMatchObject({
      region: { name: 'eu-west-1', origin: 'endpoint' },
      thingName: undefined,
      verifyPeer: true,
      timeoutMs: 10_000,
      key: { kind: 'file' },
    });
  });

  it.each([
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }).d ?? '',
    'https://user:hunter2@vault.example/key',
  ])('does not take a secret for a label', async (label) => {
    const error = await errorOf(() => tokenOf(withToken({ library, privateKeyLabel: label })));
    expect(inspect(error)).not.toContain(label);
  });

  it('accepts long names as labels', () => {
    for (const label of [
      'MyCompanyProductionGatewayDeviceKey2024',
      'a1'.repeat(32),
      'PIN pad key',
    ]) {
      expect(tokenOf(withToken({ library, privateKeyLabel: label })).match.object).toBe(label);
    }
  });

  it('treats null labels, serial number and slot as not set', () => {
    const names = { slotId: null, tokenLabel: null, tokenSerial: null, privateKeyLabel: null };
    expect(tokenOf(withToken({ library, ...names })).match).toEqual({ type: 'private' });
  });

  it('ignores inherited properties', async () => {
    const polluted = Object.prototype as { verifyPeer?: boolean; ignorePinFlags?: boolean };
    polluted.verifyPeer = false;
    polluted.ignorePinFlags = true;
    try {
      expect(check({ ...good }).verifyPeer).toBe(true);
      expect(tokenOf(withToken({ library })).ignorePinFlags).toBe(false);
      const inherited = Object.create({ ...good }) as unknown;
      expect((await errorOf(() => check(inherited))).message).toContain('"endpoint" is required');
    } finally {
      delete polluted.verifyPeer;
      delete polluted.ignorePinFlags;
    }
  });

  it('logs one line for each message, and ignores exceptions and rejections of the logger', async () => {
    const lines: string[] = [];
    const logger = {
      debug() {},
      async info() {
        throw new Error('the server of the log is away');
      },
      error() {
        throw new Error('the disk of the log is full');
      },
      warn: (line: string) => lines.push(line),
    };
    const checked = check({ ...good, logger });
    checked.warn('one\ntwo\u202e\u001b[2J');
    checked.warn('one\ntwo\u202e\u001b[2J');
    expect(lines).toEqual(['one\\u000atwo\\u202e\\u001b[2J']);
    checked.logger?.error?.('x');
    const unhandled: unknown[] = [];
    const keep = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', keep);
    checked.logger?.info?.('x');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', keep);
    expect(unhandled).toEqual([]);
  });

  it('accepts the logger of a client that lacks methods, as clients do', () => {
    const lines: string[] = [];
    const warn = (line: string) => lines.push(line);
    const checked = check({ ...good, parentClientConfig: { logger: { warn } as never } });
    checked.logger?.info?.('x');
    checked.warn('one');
    expect(lines).toEqual(['one']);
    expect(check({ ...good, parentClientConfig: { logger: null as never } }).logger).toBe(
      undefined,
    );
  });

  it('lets region override the one of the endpoint', () => {
    expect(check({ ...good, region: 'us-east-1' }).region).toEqual({
      name: 'us-east-1',
      origin: 'option',
    });
  });

  it('accepts every character that AWS IoT allows in names', () => {
    const roleAlias = 'aZ09_=,@-';
    const thingName = 'aZ09:_-';
    expect(check({ ...good, roleAlias, thingName })).toMatchObject({ roleAlias, thingName });
  });

  it('converts the token options to attributes of a PKCS#11 URI, including slot 0', () => {
    const names = { slotId: 0, tokenLabel: 't', tokenSerial: 's', privateKeyLabel: 'k' };
    const pkcs11 = { library, libraryParameters: "configdir='sql:/x'", userPin: '1:2', ...names };
    expect(tokenOf(withToken(pkcs11))).toMatchObject({
      library,
      libraryParameters: "configdir='sql:/x'",
      match: { type: 'private', slotId: 0, token: 't', serial: 's', object: 'k' },
    });
  });

  it('accepts a PKCS#11 URI, as one type with the labels', async () => {
    const uri = `pkcs11:token=t;slot-id=0;object=k?module-path=${library}&pin-value=1%3A2`;
    const token = tokenOf(withToken({ uri }));
    const { pin: pinOfUri, access: _, ...rest } = token;
    const labels = { library, userPin: '1:2', slotId: 0, tokenLabel: 't', privateKeyLabel: 'k' };
    const { pin, access: __, ...same } = tokenOf(withToken(labels));
    expect(rest).toEqual(same);
    expect((await pinOfUri.read(1000))?.reveal()).toBe((await pin.read(1000))?.reveal());
  });

  it("finds a library by module-name, and p11-kit's proxy where none is named", () => {
    expect(tokenOf(withToken({ uri: 'pkcs11:?module-name=softhsm2' })).library).toMatch(
      /\/libsofthsm2\.so$/,
    );
    expect(tokenOf(withToken({ uri: 'pkcs11:object=k' })).library).toMatch(/\/p11-kit-proxy\.so$/);
  });

  it.each([
    [
      'a module-name that is a path',
      { uri: 'pkcs11:?module-name=%2Fetc%2Fpasswd' },
      'ERR_PKCS11_LIBRARY',
    ],
    ['a module-name that is nowhere', { uri: 'pkcs11:?module-name=nope' }, 'ERR_PKCS11_LIBRARY'],
    [
      'a URI that names another token',
      { library, uri: 'pkcs11:token=a', tokenLabel: 'b' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a URI that names another slot',
      { library, uri: 'pkcs11:slot-id=0', slotId: 1 },
      'ERR_INVALID_OPTION',
    ],
    [
      'a URI that names another serial number',
      { library, uri: 'pkcs11:serial=1', tokenSerial: '2' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a library in two places',
      { library, uri: 'pkcs11:?module-name=softhsm2' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a PIN in two places',
      { library, uri: 'pkcs11:?pin-value=hunter2', userPin: 'x' },
      'ERR_INVALID_OPTION',
    ],
    [
      'the URI of a certificate as key',
      { library, uri: 'pkcs11:object=a;type=cert' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a pin-source that is no command',
      { library, uri: 'pkcs11:?pin-source=|' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a pin-source of an unknown kind',
      { library, uri: 'pkcs11:?pin-source=http://x/' },
      'ERR_INVALID_OPTION',
    ],
    [
      'a PIN file that is not there',
      { library, uri: 'pkcs11:?pin-source=/no/such/pin' },
      'ERR_FILE_UNREADABLE',
    ],
  ])('rejects %s', async (_name, pkcs11, code) => {
    const error = await errorOf(() => check(withToken(pkcs11)));
    expect(error.code, error.message).toBe(code);
    expect(inspect(error)).not.toContain('hunter2');
  });

  it.each([
    ['its own library', `pkcs11:object=c?module-path=${library}`, true],
    ['another library', 'pkcs11:object=c?module-path=/other.so', false],
    ['another PIN', 'pkcs11:object=c?pin-value=2', false],
    ['the same PIN', 'pkcs11:object=c?pin-value=1', true],
    ['the type of a key', 'pkcs11:object=c;type=private', false],
    ['nothing', 'pkcs11:', true],
  ])('a certificate URI with %s', async (_name, certificate, taken) => {
    const uri = `pkcs11:token=t?module-path=${library}&pin-value=1`;
    const options = { ...good, privateKey: undefined, pkcs11: { uri }, certificate };
    if (taken) {
      expect(check(options).key).toMatchObject({ certificate: { match: { type: 'cert' } } });
    } else {
      expect((await errorOf(() => check(options))).message).toContain('"certificate"');
    }
  });

  it.each([
    ['endpoint', { endpoint: undefined }],
    ['endpoint', { endpoint: 443 }],
    ['roleAlias', { roleAlias: undefined }],
    ['roleAlias', { roleAlias: '' }],
    ['roleAlias', { roleAlias: 'a/b' }],
    ['roleAlias', { roleAlias: 'a b' }],
    ['roleAlias', { roleAlias: 'a'.repeat(129) }],
    ['thingName', { thingName: 'a b' }],
    ['thingName', { thingName: '' }],
    ['thingName', { thingName: 'thing\r\nx-evil: 1' }],
    ['thingName', { thingName: null }],
    ['certificate', { certificate: undefined }],
    ['certificate', { certificate: new Uint8Array() }],
    ['certificate', { certificate: { path: 'x' } }],
    ['certificate', { certificate: 'pkcs11:object=x' }],
    ['ca', { ca: 'pkcs11:object=x' }],
    ['privateKey', { privateKey: 7 }],
    ['passphrase', { passphrase: 7 }],
    ['ca', { ca: '' }],
    ['region', { region: 'Ireland' }],
    ['verifyPeer', { verifyPeer: 'false' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: 1.5 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: 600_001 }],
    ['timeoutMs', { timeoutMs: '1000' }],
    ['userAgent', { userAgent: 'a\r\nx-evil: 1' }],
    ['userAgent', { userAgent: 'ü' }],
    ['userAgent', { userAgent: 1 }],
    ['maxWaitMs', { maxWaitMs: -1 }],
    ['maxWaitMs', { maxWaitMs: 3_600_001 }],
    ['keepFresh', { keepFresh: 'yes' }],
    ['logger', { logger: console.log }],
    ['logger', { logger: { warn() {} } }],
    ['parentClientConfig', { parentClientConfig: 'x' }],
    ['parentClientConfig.logger', { parentClientConfig: { logger: 'x' } }],
    ['passphrase', { passphrase: { path: 'x' } }],
    ['passphrase', { passphrase: '' }],
    ['passphrase.file', { passphrase: { file: '' } }],
    ['privateKey', { privateKey: 'pkcs11:object=k' }],
  ])('refuses a wrong "%s": %j', async (name, change) => {
    const error = await errorOf(() => check({ ...good, ...change }));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(`"${name}"`);
    expect(error.tryNextLink).toBe(false);
  });

  it.each([
    ['pkcs11', 'softhsm'],
    ['pkcs11', 'pkcs11:object=k'],
    ['pkcs11.uri', { uri: 'pkcs11:object' }],
    ['pkcs11.uri', { uri: 'pkcs11:type=cert' }],
    ['pkcs11.uri', { library, uri: 'pkcs11:?pin-source=ftp:cat' }],
    ['pkcs11.uri', { library, uri: 'pkcs11:?pin-source=env:NOT_SET' }],
    ['pkcs11.isolate', { library, isolate: 1 }],
    ['pkcs11.stateFolder', { library, stateFolder: 1 }],
    ['pkcs11', 7],
    ['pkcs11', null],
    ['pkcs11.library', { library: undefined }],
    ['pkcs11.library', { library: 5 }],
    ['pkcs11.userPin', { library, userPin: 1234 }],
    ['pkcs11.userPin', { library, userPin: '' }],
    ['pkcs11.slotId', { library, slotId: -1 }],
    ['pkcs11.slotId', { library, slotId: '0' }],
    ['pkcs11.libraryParameters', { library, libraryParameters: { configdir: '/x' } }],
    ['pkcs11.libraryParameters', { library, libraryParameters: '' }],
    ['pkcs11.tokenLabel', { library, tokenLabel: '' }],
    ['pkcs11.tokenSerial', { library, tokenSerial: 1 }],
    ['pkcs11.tokenSerial', { library, tokenSerial: '' }],
    ['pkcs11.privateKeyLabel', { library, privateKeyLabel: 1 }],
  ])('rejects a wrong "%s": %j', async (name, pkcs11) => {
    const error = await errorOf(() => check(withToken(pkcs11)));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(`"${name}"`);
  });

  it.each([
    ['neither', { privateKey: undefined }],
    ['both', { pkcs11: { library } }],
  ])('rejects %s of privateKey and pkcs11 and names both', async (word, change) => {
    const error = await errorOf(() => check({ ...good, ...change }));
    expect(error.code).toBe('ERR_KEY_SOURCE');
    expect(error.message).toMatch(/"privateKey" and "pkcs11"/);
    expect(error.message).toContain(word);
  });

  it.each([
    ['does not exist', '/no/such/library.so'],
    ['is not a file', folder],
  ])('rejects a library that %s', async (reason, path) => {
    const error = await errorOf(() => check(withToken({ library: path })));
    expect(error.code).toBe('ERR_PKCS11_LIBRARY');
    expect(error.message).toContain(path);
    expect(error.message).toContain(reason);
  });

  it.each([
    ['rolealias', { ...good, rolealias: 'x' }, 'did you mean "roleAlias"?'],
    ['pin', { ...good, pin: 'x' }, 'expected one of'],
    ['tls', { ...good, tls: 'node' }, 'expected one of'],
    ['isolate', { ...good, isolate: false }, 'it belongs inside "pkcs11"'],
    ['tokenLabel', { ...good, tokenLabel: 'x' }, 'it belongs inside "pkcs11"'],
    ['tls', { ...(withToken({ library }) as object), tls: 'crt' }, 'expected one of'],
    ['pkcs11.userpin', withToken({ library, userpin: 'x' }), 'did you mean "userPin"?'],
  ])('refuses an unknown option: %s', async (name, options, hint) => {
    const error = await errorOf(() => check(options));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toBe(`unknown option "${name}"`);
    expect(error.hint).toContain(hint);
  });

  it.each([undefined, null, 'endpoint', []])('rejects %j as options', async (options) => {
    expect((await errorOf(() => check(options))).code).toBe('ERR_INVALID_OPTION');
  });

  it.each<[unknown, string]>([
    [{ path: 'x' }, 'an object'],
    [null, 'null'],
    [['x'], 'an array'],
    [5, 'a number'],
  ])('reports that %j is %s', async (certificate, kind) => {
    const error = await errorOf(() => check({ ...good, certificate }));
    expect(error.message).toBe(`"certificate" must be a path, PEM text or bytes, got ${kind}`);
  });

  it('rejects a passphrase for a key in a token', async () => {
    const options = { ...(withToken({ library }) as object), passphrase: 'x' };
    const error = await errorOf(() => check(options));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain('"pkcs11.userPin"');
  });

  it('hides PIN and passphrase in any output', () => {
    const settings = [
      check(withToken({ library, userPin: 'hunter2' })),
      check({ ...good, passphrase: 'hunter2' }),
    ];
    const printed = inspect(settings, { depth: 9, showHidden: true }) + JSON.stringify(settings);
    expect(printed).not.toContain('hunter2');
  });
});

describe('createSession', () => {
  const { keyFile, certificateFile } = makeSelfSigned(folder, 'device');
  const device = { ...good, certificate: certificateFile, privateKey: keyFile };
  const environment = (region: string | undefined, defaultRegion: string | undefined) => {
    vi.stubEnv('AWS_REGION', region);
    vi.stubEnv('AWS_DEFAULT_REGION', defaultRegion);
  };
  beforeEach(() => environment(undefined, undefined));
  afterAll(() => vi.unstubAllEnvs());

  it.each([
    ['eu-west-1', 'us-east-1', 'eu-west-1'],
    [undefined, 'us-gov-east-1', 'us-gov-east-1'],
    ['', 'us-east-1', 'us-east-1'],
  ])('accepts the region of the environment: %j, %j', (region, defaultRegion, expected) => {
    environment(region, defaultRegion);
    for (const endpoint of ['localhost:8443', 'iot.example.com', '127.0.0.1', '[::1]:8443']) {
      expect(createSession({ ...device, endpoint }).region).toBe(expected);
    }
  });

  it.each([
    ['AWS_REGION', 'Ireland', 'us-east-1'],
    ['AWS_DEFAULT_REGION', undefined, 'eu-west'],
  ])('rejects a wrong %s', async (variable, region, defaultRegion) => {
    environment(region, defaultRegion);
    const error = await errorOf(() => createSession({ ...device, endpoint: 'localhost' }));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(`"${variable}"`);
  });

  it('prefers the option and the endpoint to the environment, even to an invalid region', () => {
    environment('nowhere', undefined);
    expect(createSession(device).region).toBe('eu-west-1');
    const named = { ...device, endpoint: 'localhost', region: 'us-east-2' };
    expect(createSession(named).region).toBe('us-east-2');
  });

  it('rejects a path of the endpoint with another role alias', async () => {
    const endpoint = `https://${good.endpoint}/role-aliases/another/credentials`;
    const error = await errorOf(() => createSession({ ...device, endpoint }));
    expect(error.message).toContain('a role alias that differs from');
  });

  it('requires a region if the endpoint has none', async () => {
    const options = { ...device, endpoint: 'localhost:8443' };
    const error = await errorOf(() => createSession(options));
    expect(error.code).toBe('ERR_REGION_UNKNOWN');
    expect(error.hint).toContain('"region"');
    expect(createSession({ ...options, region: 'eu-west-1' }).region).toBe('eu-west-1');
  });

  it.each([
    ['ERR_FILE_UNREADABLE', { certificate: '/no/such/cert.pem' }],
    ['ERR_FILE_UNREADABLE', { privateKey: '/no/such/key.pem' }],
    ['ERR_FILE_UNREADABLE', { ca: '/no/such/ca.pem' }],
    ['ERR_CERTIFICATE_INVALID', { certificate: Buffer.from('x') }],
    ['ERR_PRIVATE_KEY_INVALID', { privateKey: Buffer.from('x') }],
    ['ERR_CA_INVALID', { ca: Buffer.from('x') }],
  ])('throws %s at once for %j', async (code, change) => {
    const { keyFile, certificateFile } = makeSelfSigned(folder, 'at-once');
    const options = { ...good, certificate: certificateFile, privateKey: keyFile, ...change };
    expect(() => createSession(options)).toThrow();
    expect((await errorOf(() => createSession(options))).code).toBe(code);
  });

  it('rejects a key of another certificate before any network access', async () => {
    const { certificateFile } = makeSelfSigned(folder, 'one');
    const { keyFile } = makeSelfSigned(folder, 'two');
    const error = await errorOf(() =>
      createSession({ ...good, certificate: certificateFile, privateKey: keyFile }),
    );
    expect(error.code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
  });
});
