import { createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/identity/secret.ts';
import { Pkcs11 } from '../../src/pkcs11/pkcs11.ts';
import { openSession } from '../../src/token/session.ts';
import { findToken } from '../../src/token/slots.ts';
import { run, runJson } from '../support/cli.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('full');
const device = makeSelfSigned(folder, 'device', 'EC P-256');
const server = await startRawServer(folder, { minVersion: 'TLSv1.3' });
server.behave = json({ credentials });

const tool = (...args: string[]) => pkcs11Tool('full', ...args);

function open(pkcs11: Partial<Pkcs11Options> = {}) {
  return createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'full', ...pkcs11 },
  });
}

/** Imports objects like those of other software into the token, byte for byte. */
async function createOddObjects(): Promise<void> {
  const pkcs11 = await Pkcs11.open({ library: SOFTHSM_LIBRARY });
  const login = { ignorePinFlags: false, stateFolder: undefined, waitMs: 5000, warn() {} };
  const token = findToken(pkcs11, { token: 'full' });
  const session = await openSession(pkcs11, token, { ...login, pin: new Secret(PIN) }, 'write');
  const aes = { CKA_CLASS: 4, CKA_KEY_TYPE: 0x1f, CKA_TOKEN: true, CKA_VALUE: Buffer.alloc(16, 1) };
  pkcs11.createObject(session.handle, aes);
  pkcs11.createObject(session.handle, { ...aes, CKA_LABEL: Buffer.from([0xff, 0xfe, 0x80]) });
  pkcs11.createObject(session.handle, {
    ...aes,
    CKA_LABEL: 'device',
    CKA_ID: Buffer.alloc(200, 7),
  });
  session.close();
}

describe('a token with all kinds of objects', async () => {
  // The device's key alone, without public object, as openssl made it.
  const der = `${folder}/device.der`;
  openssl('pkcs8', '-topk8', '-nocrypt', '-in', device.keyFile, '-outform', 'DER', '-out', der);
  tool('--write-object', der, '--type', 'privkey', '--label', 'device', '--id', '01');
  tool('--keypairgen', '--key-type', 'EC:edwards25519', '--label', 'ed25519', '--id', '02');
  tool('--keypairgen', '--key-type', 'EC:secp256k1', '--label', 'bitcoin', '--id', '03');
  tool('--keypairgen', '--key-type', 'rsa:1024', '--label', 'short', '--id', '04');
  await createOddObjects();

  it('serves a session with the one key that is usable for TLS', async () => {
    expect((await open().credentials()).accessKeyId).toBe(credentials.accessKeyId);
    const named = open({ privateKeyLabel: 'device' });
    expect((await named.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it.each([
    ['ed25519', /"ed25519" \(Ed25519\)/],
    ['bitcoin', /"bitcoin" \(EC secp256k1\)/],
    ['short', /"short" \(RSA 1024\)/],
  ])('names the kind of a key that was chosen and cannot be used: %s', async (label, kind) => {
    const error = await errorOf(() => open({ privateKeyLabel: label }).credentials());
    expect(error.code, error.message).toBe('ERR_KEY_UNSUITABLE');
    expect(error.message).toMatch(kind);
    expect(error.hint).toContain('RSA 2048 or larger, EC P-256, P-384 or P-521');
  });

  it('lists all keys with their types if the named one is missing', async () => {
    const error = await errorOf(() => open({ privateKeyLabel: 'nope' }).credentials());
    expect(error.message).toContain(
      'it has: "bitcoin" (EC secp256k1), "device" (EC P-256), "ed25519" (Ed25519), "short" (RSA 1024)',
    );
  });

  it('is listed and verified', async () => {
    const target = ['--uri', `pkcs11:token=full?module-path=${SOFTHSM_LIBRARY}&pin-source=env:P`];
    const env = { P: PIN };
    const { stdout, status } = await run(['token', 'list', ...target], { env });
    expect(stdout).toMatch(/private key "ed25519" id 02: Ed25519$/m);
    expect(status).toBe(0);
    const certificate = ['--certificate', device.certificateFile];
    const verified = await runJson(['token', 'verify', ...target, ...certificate], { env });
    expect(verified).toMatchObject({ ok: true, belongs: true, tls: ['1.2', '1.3'] });
  });
});

describe('two tokens with the same label', () => {
  softHsm.initToken('twin');
  softHsm.initToken('twin');

  it('are distinguished by slot id and serial number, as the error says', async () => {
    const error = await errorOf(() => open({ tokenLabel: 'twin' }).credentials());
    expect(error.code).toBe('ERR_TOKEN_AMBIGUOUS');
    expect(error.hint).toMatch(/"slotId", or by its serial number \("tokenSerial"\)/);
    const [, serial = ''] = /"twin" \(slot id \d+, serial (\w+)\)/.exec(error.message) ?? [];
    const chosen = await errorOf(() =>
      open({ tokenLabel: 'twin', tokenSerial: serial }).credentials(),
    );
    expect(chosen.code).toBe('ERR_KEY_NOT_FOUND');
  });

  it('ignore trailing blanks of a label', async () => {
    const session = open({ tokenLabel: 'full   ' });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });
});
