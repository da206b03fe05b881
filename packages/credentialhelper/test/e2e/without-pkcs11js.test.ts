import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { createSession as CreateSession, Pkcs11Options } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { copyWithoutPkcs11js } from '../support/without-pkcs11js.ts';

const folder = temporaryFolder();
const dist = copyWithoutPkcs11js(folder, ['aws-crt']);
const { createSession } = (await import(join(dist, 'index.js'))) as {
  createSession: typeof CreateSession;
};
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
softHsm.initToken('other-token', '0000');
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
const same = makeSelfSigned(folder, 'same-kind', 'RSA 2048');
const other = makeSelfSigned(folder, 'other-kind', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
softHsm.importKey({ token: 'the-token', label: 'same-kind', id: '02', file: same.keyFile });
softHsm.importKey({ token: 'the-token', label: 'other-kind', id: '03', file: other.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });

describe.each(['node', 'crt'] as const)('without pkcs11js, tls %s', (tls) => {
  const logged: unknown[] = [];
  const log = (...content: unknown[]) => logged.push(...content);
  const open = (pkcs11: Partial<Pkcs11Options> = {}, more: object = {}) =>
    createSession({
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: device.certificateFile,
      ca: server.caFile,
      tls,
      logger: { debug: log, info: log, warn: log, error: log },
      pkcs11: {
        library: SOFTHSM_LIBRARY,
        userPin: PIN,
        tokenLabel: 'the-token',
        privateKeyLabel: 'key',
        ...pkcs11,
      },
      ...more,
    });

  it('a session works', async () => {
    expect((await open().credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it.each<[string, Partial<Pkcs11Options>, string]>([
    ['a wrong PIN', { userPin: `wrong-${tls}` }, 'ERR_PIN_INCORRECT'],
    ['a key that is not there', { privateKeyLabel: 'nope' }, 'ERR_KEY_NOT_FOUND'],
    ['a library that is none', { library: '/etc/hostname' }, 'ERR_PKCS11_LIBRARY'],
  ])('%s is told, and no PIN', async (_name, pkcs11, code) => {
    const error = await errorOf(() => open(pkcs11).credentials());
    expect(error.code, error.message).toBe(code);
    const told = inspect([error, logged], { depth: 9 });
    expect(told).not.toContain(PIN);
    expect(told).not.toContain(encodeURIComponent(PIN));
    expect(told).not.toContain(`wrong-${tls}`);
  });

  it('a wrong PIN is not tried again', async () => {
    const error = await errorOf(() => open({ userPin: `wrong-${tls}` }).credentials());
    expect(error.message).toContain('not tried again');
  });

  it('a certificate in the token, and a token without a name, need it', async () => {
    const inToken = await errorOf(() => open({}, { certificate: 'pkcs11:' }).credentials());
    expect(inToken.code).toBe('ERR_PKCS11_BINDING');
    if (tls === 'node') {
      const unnamed = await errorOf(() => open({ tokenLabel: undefined }).credentials());
      expect(unnamed.code).toBe('ERR_PKCS11_BINDING');
    }
  });
});

describe('without pkcs11js, a session that loads the library into its own process', () => {
  it('is refused, because the OpenSSL engine would print the PIN', () => {
    const options = {
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: device.certificateFile,
      isolate: false,
      pkcs11: {
        library: SOFTHSM_LIBRARY,
        userPin: PIN,
        tokenLabel: 'the-token',
        privateKeyLabel: 'nope',
      },
    };
    // In a process of its own: the test runner finds packages where Node does not.
    const program = `
      import { createSession } from ${JSON.stringify(join(dist, 'index.js'))};
      const session = createSession(${JSON.stringify(options)});
      const error = await session.credentials().catch((error) => error);
      console.log(error.code);`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { encoding: 'utf8' },
    );
    expect([stdout, stderr]).toEqual(['ERR_PKCS11_BINDING\n', '']);
  });
});

describe('without pkcs11js, the OpenSSL engine', () => {
  it.each([
    ['of the same kind', 'same-kind'],
    ['of another kind', 'other-kind'],
  ])('refuses a key of another certificate %s before any network', async (_name, label) => {
    const session = createSession({
      endpoint: 'localhost:1',
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: device.certificateFile,
      tls: 'node',
      pkcs11: {
        library: SOFTHSM_LIBRARY,
        userPin: PIN,
        tokenLabel: 'the-token',
        privateKeyLabel: label,
      },
    });
    const error = await errorOf(() => session.credentials());
    expect(error.code, error.message).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
  });
});
