import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction, createContext, runInContext } from 'node:vm';
import type * as Library from 'awsiot-credentialhelper';
import * as own from 'awsiot-credentialhelper';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });
const silent = createServer(() => {}).listen(0, '127.0.0.1');
await new Promise((resolve) => silent.once('listening', resolve));
afterAll(() => void silent.close());
const { port } = silent.address() as { port: number };

const common = {
  endpoint: server.endpoint,
  roleAlias: 'the-alias',
  maxWaitMs: 0,
  certificate: device.certificateFile,
  ca: server.caFile,
};
const inFile = { ...common, privateKey: device.keyFile };
const inToken = {
  ...common,
  pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'the-token' },
};
const BY_ID = `pkcs11:token=the-token;id=%01?module-path=${SOFTHSM_LIBRARY}&pin-value=${encodeURIComponent(PIN)}`;
const program = join(folder, 'hanging.mjs');
writeFileSync(program, 'setInterval(() => {}, 1000);');
const late = { ...inFile, endpoint: `127.0.0.1:${port}`, timeoutMs: 200 };

/**
 * Another realm, as in test runners: its objects are not `instanceof` ours, its timers are numbers as in a browser,
 * and its clock is stopped.
 */
const realm = createContext({
  Buffer,
  URL,
  process,
  performance: { now: () => 0 },
  ...Object.fromEntries(
    ['setTimeout', 'setInterval', 'setImmediate'].map((name) => [name, () => 1]),
  ),
  ...Object.fromEntries(
    ['clearTimeout', 'clearInterval', 'clearImmediate'].map((name) => [name, () => {}]),
  ),
});

/** The built library, as CommonJS, loaded in that realm. */
function loadInRealm(): typeof Library {
  const file = fileURLToPath(new URL('../../dist/index.cjs', import.meta.url));
  const module = { exports: {} };
  const load = compileFunction(
    readFileSync(file, 'utf8'),
    ['require', 'module', 'exports', '__filename', '__dirname'],
    { parsingContext: realm, filename: file },
  );
  load(createRequire(file), module, module.exports, file, dirname(file));
  return module.exports as typeof Library;
}

/** A value of the other realm. */
const foreign = <T>(value: unknown): T =>
  runInContext(`(${JSON.stringify(value)})`, realm) as unknown as T;
const foreignBytes = (file: string): Uint8Array =>
  runInContext(`new Uint8Array(${JSON.stringify([...readFileSync(file)])})`, realm);

const get = async ({ fromIotCore }: typeof Library, options: Library.FromIotCoreInit) =>
  (await fromIotCore(options)()).accessKeyId;
const failureOf = (library: typeof Library, options: Library.FromIotCoreInit) =>
  get(library, options).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('values of another realm', () => {
  it('are options', async () => {
    expect(await get(own, foreign(inFile))).toBe(credentials.accessKeyId);
    expect(await get(own, foreign(inToken))).toBe(credentials.accessKeyId);
  });

  it('are bytes', async () => {
    const certificate = foreignBytes(device.certificateFile);
    expect(certificate).not.toBeInstanceOf(Uint8Array);
    const ca = foreignBytes(server.caFile);
    const privateKey = foreignBytes(device.keyFile);
    expect(await get(own, { ...inFile, certificate, ca, privateKey })).toBe(
      credentials.accessKeyId,
    );
    expect(await get(own, { ...inToken, certificate, ca })).toBe(credentials.accessKeyId);
  });

  it('are rejected like ours', async () => {
    const privateKey = runInContext('new Uint8Array(0)', realm);
    expect(await failureOf(own, { ...inFile, privateKey })).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: '"privateKey" is empty',
    });
  });
});

describe('the library in another realm, with timers of a browser', () => {
  const library = loadInRealm();

  it.each<[string, Library.FromIotCoreInit]>([
    ['a file', inFile],
    ['bytes of this realm', { ...inFile, privateKey: readFileSync(device.keyFile) }],
    ['bytes of that realm', { ...inFile, privateKey: foreignBytes(device.keyFile) }],
    ['a token, in a child process', inToken],
    ['a token, by its id', { ...common, pkcs11: { uri: BY_ID } }],
    ['a token, in this process', { ...inToken, pkcs11: { ...inToken.pkcs11, isolate: false } }],
  ])('gets credentials with a key in %s', async (_name, options) => {
    expect(await get(library, options)).toBe(credentials.accessKeyId);
  });

  it('keeps its timeout', async () => {
    expect(await failureOf(library, late)).toMatchObject({ code: 'ERR_TIMEOUT' });
    const hanging = {
      ...inToken,
      timeoutMs: 200,
      pkcs11: { ...inToken.pkcs11, isolate: { program } },
    };
    expect(await failureOf(library, hanging)).toMatchObject({ code: 'ERR_TOKEN_TIMEOUT' });
  });

  it('creates errors that this realm recognizes, and recognizes those of this realm', async () => {
    const [theirs, ours] = await Promise.all([failureOf(library, late), failureOf(own, late)]);
    expect(theirs).not.toBeInstanceOf(Error);
    expect(own.isCredentialHelperError(theirs)).toBe(true);
    expect(library.isCredentialHelperError(ours)).toBe(true);
  });
});

describe('fake timers of a test', () => {
  afterEach(() => void vi.useRealTimers());

  it.each<[string, Library.FromIotCoreInit]>([
    ['a file', inFile],
    ['a token, in a child process', inToken],
    ['a token, in this process', { ...inToken, pkcs11: { ...inToken.pkcs11, isolate: false } }],
  ])('do not stop a request with a key in %s', async (_name, options) => {
    vi.useFakeTimers();
    expect(await get(own, options)).toBe(credentials.accessKeyId);
  });

  it('do not stop a timeout', async () => {
    vi.useFakeTimers();
    expect(await failureOf(own, late)).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  it('do not end credentials, which end by a clock that nobody sets', async () => {
    vi.useFakeTimers();
    const provider = own.fromIotCore(inFile);
    const { accessKeyId } = await provider();
    const later = Date.parse(credentials.expiration) + 1;
    vi.setSystemTime(later);
    const again = await provider();
    expect(again.accessKeyId).toBe(accessKeyId);
    expect(again.expiration.getTime()).toBeGreaterThan(later);
  });
});
