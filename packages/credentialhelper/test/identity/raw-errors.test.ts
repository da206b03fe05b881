// Any invalid input throws a CredentialHelperError.
import { createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { isCredentialHelperError } from '../../src/errors.ts';
import { fromIotCore } from '../../src/provider.ts';
import { openTlsIdentity } from '../../src/tls/identity.ts';
import { often } from '../support/often.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEED = 20_260_712;
const folder = temporaryFolder();
startSoftHsm();

const ec = makeSelfSigned(folder, 'ec');
const rsa = makeSelfSigned(folder, 'rsa', 'RSA 2048');
const p12 = join(folder, 'device.p12');
openssl(
  ...['pkcs12', '-export', '-passout', 'pass:word', '-out', p12],
  ...['-inkey', ec.keyFile, '-in', ec.certificateFile],
);
const encrypted = (...args: string[]) =>
  openssl('pkcs8', '-topk8', '-in', ec.keyFile, '-passout', 'pass:word', ...args);
const traditional = (...args: string[]) =>
  openssl('pkey', '-traditional', '-in', ec.keyFile, ...args);
const { privateKey: ed25519, publicKey } = generateKeyPairSync('ed25519');

/** Damaged data. */
const ORIGINALS: readonly Buffer[] = [
  readFileSync(ec.keyFile),
  readFileSync(ec.certificateFile),
  readFileSync(rsa.keyFile),
  readFileSync(rsa.certificateFile),
  openssl('x509', '-in', ec.certificateFile, '-outform', 'DER'),
  openssl('x509', '-in', rsa.certificateFile, '-outform', 'DER'),
  openssl('pkcs8', '-topk8', '-nocrypt', '-in', ec.keyFile, '-outform', 'DER'),
  openssl('pkey', '-traditional', '-in', rsa.keyFile, '-outform', 'DER'),
  traditional(),
  traditional('-outform', 'DER'),
  traditional('-aes128', '-passout', 'pass:word'),
  encrypted(),
  encrypted('-outform', 'DER'),
  encrypted('-scrypt'),
  encrypted('-v1', 'PBE-SHA1-3DES'),
  openssl('crl2pkcs7', '-nocrl', '-certfile', ec.certificateFile),
  openssl('req', '-new', '-key', ec.keyFile, '-subj', '/CN=x'),
  openssl('ecparam', '-name', 'prime256v1'),
  readFileSync(p12),
  Buffer.from(JSON.stringify(createPrivateKey(readFileSync(ec.keyFile)).export({ format: 'jwk' }))),
];

type Damage = (bytes: Buffer) => Buffer;

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }).map(
    (part): Damage =>
      (bytes) =>
        bytes.subarray(0, Math.floor(part * bytes.length)),
  ),
  fc.double({ min: 0, max: 1, noNaN: true }).map(
    (part): Damage =>
      (bytes) =>
        bytes.subarray(Math.floor(part * bytes.length)),
  ),
  fc.array(fc.nat(), { minLength: 1, maxLength: 4 }).map(
    (bits): Damage =>
      (bytes) => {
        const flipped = Buffer.from(bytes);
        for (const bit of bits) {
          const at = (bit >> 3) % flipped.length;
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
        }
        return flipped;
      },
  ),
  fc.tuple(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.uint8Array({ maxLength: 40 })).map(
    ([part, more]): Damage =>
      (bytes) => {
        const at = Math.floor(part * bytes.length);
        return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
      },
  ),
  fc.constant<Damage>((bytes) => Buffer.concat([bytes, bytes])),
  fc.constant<Damage>((bytes) => Buffer.from(bytes.toString('base64'))),
  fc.constant<Damage>((bytes) => Buffer.from(bytes.toString('hex'))),
  fc.constant<Damage>((bytes) => Buffer.from(`\ufeff${bytes.toString('latin1')}`, 'utf16le')),
  fc.constant<Damage>((bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', ''))),
);

const damaged = fc
  .tuple(fc.constantFrom(...ORIGINALS), damage, fc.boolean())
  .map(([bytes, spoil, asText]) => (asText ? spoil(bytes).toString('latin1') : spoil(bytes)));

/** Unreadable files and folders. */
const files = join(folder, 'files');
beforeAll(() => {
  mkdirSync(files);
  symlinkSync('loop', join(files, 'loop'));
  writeFileSync(join(files, 'empty'), '');
  writeFileSync(join(files, 'large'), Buffer.alloc(1024 * 1024 + 1));
});
const ODD_TEXTS: readonly string[] = [
  ...['', ' ', '\0', 'x\0y', '.', '..', '/', '~', '~/key.pem', '-', '%', '\ud800', '\ufeff'],
  ...['/dev/null', '/dev/zero', '/proc/self/mem', '/dev/fd/999', '/etc/passwd/key.pem', folder],
  ...['loop', 'empty', 'large', 'missing.pem', 'loop/key.pem'].map((name) => join(files, name)),
  ...[
    `/${'x'.repeat(300)}.pem`,
    'x'.repeat(5000),
    `${'/x'.repeat(3000)}.pem`,
    `./${'y'.repeat(999)}`,
  ],
  ...['file:', 'file:/', 'file://', 'file:///', 'file:///%00', 'file:///%', 'file:///a%2Fb'],
  ...['file://host/key.pem', 'FILE:///no/such', 'file:key.pem', 'http://x/y', 'data:,x', 'blob:x'],
  ...['pkcs11:', 'pkcs11:?', 'pkcs11:;', 'pkcs11:token=%00', 'pkcs11:token=%FF', 'pkcs11:id=%'],
  ...['pkcs11:?module-name=%00', `pkcs11:?module-name=${'x'.repeat(300)}`, 'pkcs11:?module-name='],
  ...[
    'pkcs11:?module-name=..',
    'pkcs11:?module-path=',
    'pkcs11:?module-path=%00',
    'pkcs11:slot-id=',
  ],
  ...[`pkcs11:?module-path=%2F${'x'.repeat(300)}.so`, `pkcs11:?module-path=${files}/loop`],
  ...['pkcs11:?pin-source=', 'pkcs11:?pin-source=file:///%00', 'pkcs11:?pin-source=env:%00'],
  ...['pkcs11:?pin-source=fd:0', 'pkcs11:?pin-source=credential:..', 'pkcs11:?pin-value='],
  ...['pkcs11:__proto__=x', 'pkcs11:?constructor=x', `pkcs11:${';'.repeat(1000)}`],
  ...['-----BEGIN PRIVATE KEY-----', '-----BEGIN -----', '-----BEGIN CERTIFICATE-----\n%%%'],
  '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----',
  '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----',
  '-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----',
];

/** Names the library, so that a URI alone does not make this process load those of the whole system. */
const withLibrary = (uri: unknown) =>
  typeof uri === 'string' && /^pkcs11:/i.test(uri) && !/module-|pin-source/.test(uri)
    ? `${uri}${uri.includes('?') ? '&' : '?'}module-path=${encodeURIComponent(join(files, 'empty'))}`
    : uri;

const throws = (): never => {
  throw new RangeError('from outside');
};
const throwing = () =>
  new Proxy({}, { get: throws, has: throws, ownKeys: throws, getPrototypeOf: throws, set: throws });
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const detached = () => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};

/** Values of every type, each created when it is used. */
const ODD_VALUES: readonly (() => unknown)[] = [
  ...[null, true, false, 0, -0, 1, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, Number.NaN, Infinity].map(
    (value) => () => value,
  ),
  ...[1n, -1n, Symbol('x'), Symbol.iterator, () => undefined, async () => 'x', class {}].map(
    (value) => () => value,
  ),
  ...[throws, async () => throws(), () => ({}), function* generate() {}, Date, Proxy, URL].map(
    (value) => () => value,
  ),
  () => new Date(Number.NaN),
  () => new Map([['file', 'x']]),
  () => new Set(['x']),
  () => new WeakMap(),
  () => Promise.resolve('x'),
  () => Object.freeze({}),
  () => Object.freeze({ file: 'x' }),
  () => Object.create(null),
  () => Object.create({ file: 'x' }),
  () => [],
  () => ['x'],
  () => ({ file: {} }),
  () => ({ file: new URL('file:///%00') }),
  () => ({ file: new URL('file://host/x') }),
  () => ({ environmentVariable: '__proto__' }),
  () => ({ environmentVariable: 'constructor' }),
  () => ({ environmentVariable: 'a=b' }),
  () => ({ systemdCredential: '..' }),
  () => ({ fileDescriptor: 2 ** 40 }),
  () => ({ fileDescriptor: 998 }),
  () => ({ node: Symbol('x'), program: 1n }),
  () => ({ node: throwing() }),
  () => ({ __proto__: null, file: throwing() }),
  () => ({ library: SOFTHSM_LIBRARY, userPin: throwing() }),
  () => ({ library: SOFTHSM_LIBRARY, userPin: revoked() }),
  () => ({ library: SOFTHSM_LIBRARY, userPin: throws }),
  () => ({ library: throwing() }),
  () => ({ library: { href: throwing(), protocol: 'file:' } }),
  () => ({ library: files }),
  () => ({ library: `/${'x'.repeat(300)}.so` }),
  () => ({ library: join(files, 'loop') }),
  () => ({ library: join(files, 'empty') }),
  () => ({ library: SOFTHSM_LIBRARY, libraryParameters: 'x' }),
  () => ({ library: SOFTHSM_LIBRARY, slotId: 2 ** 53 - 1 }),
  () => ({ library: SOFTHSM_LIBRARY, tokenLabel: '\ud800' }),
  () => ({ library: SOFTHSM_LIBRARY, [Symbol('x')]: 1, constructor: 1 }),
  () => ({
    get library(): never {
      return throws();
    },
  }),
  () => ({ debug: throws, info: throws, warn: throws, error: throws, trace: throws }),
  () => ({ debug() {}, info() {}, warn() {}, error: throwing() }),
  () => new URL('http://x/y'),
  () => new URL('file:///%00'),
  () => new URL('file:///a%2Fb'),
  () => ({ href: 1, protocol: 2 }),
  () => ({ href: throwing(), protocol: throwing(), toString: throws }),
  () => new Uint8Array(),
  () => detached(),
  () => new Uint16Array([0x3030, 0x3030]),
  () => new Uint8ClampedArray(4),
  () => new DataView(new ArrayBuffer(4)),
  () => new ArrayBuffer(4),
  () => new SharedArrayBuffer(4),
  () => new Uint8Array(new SharedArrayBuffer(64)),
  () => new Proxy(new Uint8Array(64), {}),
  () => new Proxy(createPrivateKey(readFileSync(ec.keyFile)), {}),
  () => Object.create(Uint8Array.prototype),
  () => Object.create(KeyObject.prototype),
  () => Object.create(URL.prototype),
  () => throwing(),
  () => revoked(),
  () => Object.freeze([Symbol('x')]),
  () => new String('x'),
  () => ed25519,
  () => publicKey,
  () => createPublicKey(readFileSync(ec.keyFile)),
  () =>
    createPrivateKey(
      openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'),
    ),
  ...ODD_TEXTS.map((text) => () => text),
];

const good = {
  endpoint: 'a1b2.credentials.iot.eu-west-1.amazonaws.com',
  roleAlias: 'alias',
  certificate: ec.certificateFile,
  privateKey: ec.keyFile,
};
const inToken = {
  ...good,
  privateKey: undefined,
  pkcs11: { library: SOFTHSM_LIBRARY, tokenLabel: 'x', userPin: '1234' },
};

/** Fails if an error is thrown that is not of this package. */
async function assertOurs(options: unknown, what: string) {
  const calls = [
    () => fromIotCore(options as never),
    async () => {
      const { endpoint: _, roleAlias: _alias, ...rest } = options as Record<string, unknown>;
      const [privateKey, pkcs11] = [rest.privateKey, rest.pkcs11].map(withLibrary);
      const identity = await openTlsIdentity({
        timeoutMs: 1,
        ...rest,
        privateKey,
        pkcs11,
      } as never);
      identity.close();
    },
  ];
  for (const call of calls) {
    try {
      await call();
    } catch (error) {
      expect(isCredentialHelperError(error), `${what}: ${(error as Error).stack}`).toBe(true);
    }
  }
}

const SOURCES = ['certificate', 'privateKey', 'ca', 'passphrase', 'pkcs11'] as const;

describe('a CredentialHelperError is thrown', () => {
  it('for a damaged key or certificate', async () => {
    const cases = fc.tuple(
      fc.constantFrom('certificate', 'privateKey', 'ca'),
      damaged,
      fc.constantFrom(undefined, 'word', 'wrong', ''),
    );
    const property = fc.asyncProperty(cases, async ([name, value, passphrase]) => {
      await assertOurs({ ...good, passphrase, [name]: value }, name);
    });
    await fc.assert(property, { seed: SEED, numRuns: often(2000) });
  });

  it('for random bytes and texts', async () => {
    const value = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from([0x30, bytes.length, ...bytes])),
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.string({ unit: 'binary', maxLength: 100 }).map((text) => `-----BEGIN ${text}`),
      fc.string({ maxLength: 60 }).map((text) => `pkcs11:${text}`),
      fc.string({ maxLength: 60 }).map((text) => `file:${text}`),
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
    );
    const property = fc.asyncProperty(fc.constantFrom(...SOURCES), value, async (name, given) => {
      const base = name === 'pkcs11' ? { ...good, privateKey: undefined } : good;
      await assertOurs({ ...base, [name]: given }, name);
    });
    await fc.assert(property, { seed: SEED, numRuns: often(2000) });
  });

  it.each([
    ...SOURCES,
    'userPin',
    'library',
    'tokenLabel',
    'isolate',
    'logger',
    'stateFolder',
    'parentClientConfig',
  ])('for values of every type as "%s"', async (name) => {
    for (const [index, make] of ODD_VALUES.entries()) {
      const what = `${name}, value ${index}`;
      if (name === 'pkcs11') {
        await assertOurs({ ...inToken, pkcs11: make() }, what);
      } else if (['userPin', 'library', 'tokenLabel', 'isolate', 'stateFolder'].includes(name)) {
        await assertOurs({ ...inToken, pkcs11: { ...inToken.pkcs11, [name]: make() } }, what);
      } else {
        await assertOurs({ ...good, [name]: make() }, what);
        if (name !== 'privateKey') await assertOurs({ ...inToken, [name]: make() }, what);
      }
    }
  });

  it('in a folder that was deleted', async () => {
    const before = process.cwd();
    const gone = join(folder, 'gone');
    mkdirSync(gone);
    process.chdir(gone);
    rmdirSync(gone);
    try {
      for (const name of ['certificate', 'privateKey', 'ca']) {
        await assertOurs({ ...good, [name]: 'missing.pem' }, name);
        await assertOurs({ ...inToken, [name]: 'missing.pem' }, name);
      }
      const pkcs11 = { ...inToken.pkcs11, stateFolder: 'missing' };
      await assertOurs({ ...inToken, pkcs11 }, 'stateFolder');
    } finally {
      process.chdir(before);
    }
  });

  it('for values of every type instead of the options', async () => {
    for (const [index, make] of ODD_VALUES.entries()) {
      for (const call of [fromIotCore, openTlsIdentity]) {
        try {
          await call(make() as never);
        } catch (error) {
          expect(isCredentialHelperError(error), `value ${index}: ${error}`).toBe(true);
        }
      }
    }
  });
});
