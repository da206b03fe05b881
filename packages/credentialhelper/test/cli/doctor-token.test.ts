import { createPrivateKey } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { commandsOf, diagnose } from '../support/doctor.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { plantKey, plantSecret } from '../support/secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const library = buildFaultyModule(folder);
const aws = await startEmulator();
afterAll(() => aws.close());
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'RSA-2048' });
const pkcs8 = `${createPrivateKey(seed.privateKeyPem).export({ type: 'pkcs8', format: 'pem' })}`;
plantKey(pkcs8);
softHsm.initToken('device');
softHsm.importKey({ token: 'device', label: 'thing-key', id: '01', file: write('key.pem', pkcs8) });
const other = openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048');
softHsm.importKey({
  ...{ token: 'device', label: 'other-key', id: '02' },
  file: write('other.pem', `${other}`),
});
const certificate = write('cert.pem', seed.certificatePem);
openssl('x509', '-in', certificate, '-outform', 'DER', '-out', join(folder, 'cert.der'));
pkcs11Tool(
  ...['device', '--write-object', join(folder, 'cert.der'), '--type', 'cert'],
  ...['--id', '01', '--label', 'thing-key'],
);
const pinFile = write('pin', plantSecret(PIN));
const wrongPinFile = write('wrong-pin', plantSecret('0000-wrong'));
const ca = write('ca.pem', aws.ca);

const logins = join(folder, 'logins');
let states = 0;
beforeEach(() => {
  rmSync(logins, { force: true });
  states += 1;
});
const loginCount = () =>
  existsSync(logins) ? readFileSync(logins, 'utf8').split('\n').length - 1 : 0;

const flags = (others: Readonly<Record<string, string | undefined>> = {}) =>
  Object.entries({
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    'role-alias': 'alias',
    'thing-name': 'thing',
    certificate,
    module: library,
    'token-label': 'device',
    label: 'thing-key',
    'pin-file': pinFile,
    ca,
    'timeout-ms': '20000',
    ...others,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));

/** Runs doctor with a state folder for each test, so that a rejected PIN is known to that test alone. */
const found = (others: Readonly<Record<string, string | undefined>> = {}, fault: Fault | '' = '') =>
  diagnose(flags(others), {
    AWS_ENDPOINT_URL: aws.apiEndpoint,
    FAULT: fault,
    LOGIN_LOG: logins,
    XDG_STATE_HOME: join(folder, `state-${states}`),
  });

describe('doctor, with a key in a token', () => {
  it('shows library, token, PIN and key, with one login', async () => {
    const { broken, of } = await found();
    expect(broken).toEqual([]);
    expect(of('module').seen).toContain(`${library}: `);
    expect(of('token')).toMatchObject({
      seen: expect.stringContaining('"device" in slot'),
      details: [expect.stringContaining('CKM_RSA_X_509')],
    });
    expect(of('pin')).toMatchObject({ status: 'ok', seen: 'accepted; used once' });
    expect(of('key').seen).toBe(
      'RSA 2048 in token "device", belongs to the certificate (verified with a test signature)',
    );
    expect(of('identity').seen).toContain(seed.certificateId);
    expect(loginCount()).toBe(1);
  });

  it('takes a PKCS#11 URI, and the certificate in the token', async () => {
    const { broken, of } = await found({
      ...{ module: undefined, 'token-label': undefined, label: undefined, 'pin-file': undefined },
      uri: `pkcs11:token=device;object=thing-key?module-path=${library}&pin-source=${pinFile}`,
      certificate: 'pkcs11:',
    });
    expect(broken).toEqual([]);
    expect(of('certificate').seen).toContain(seed.certificateId);
    expect(loginCount()).toBe(1);
  });

  it.each<[string, Readonly<Record<string, string>>, string, string]>([
    ['a missing module', { module: join(folder, 'none.so') }, 'module', 'ERR_PKCS11_LIBRARY'],
    ['a file that is no module', { module: ca }, 'module', 'ERR_PKCS11_LIBRARY'],
    ['the label of no token', { 'token-label': 'none' }, 'token', 'ERR_TOKEN_NOT_FOUND'],
    [
      'a PIN file that does not exist',
      { 'pin-file': join(folder, 'none.txt') },
      'pin',
      'ERR_FILE_UNREADABLE',
    ],
  ])('finds %s, without a login', async (_name, others, step, code) => {
    const { broken, of } = await found(others);
    expect(broken).toEqual([step]);
    expect(of(step as 'pin').code).toBe(code);
    expect([of('server').status, of('certificate').status]).toEqual(['ok', 'ok']);
    expect(of('credentials').status).toBe('skipped');
    expect(loginCount()).toBe(0);
  });

  it('finds a token that is named ambiguously', async () => {
    softHsm.initToken('second');
    const { broken, of } = await found({ 'token-label': undefined });
    expect(broken).toEqual(['token']);
    expect(of('token')).toMatchObject({
      code: 'ERR_TOKEN_AMBIGUOUS',
      seen: expect.stringMatching(/^2 tokens match: .*"second" \(slot id \d+\)/),
    });
    expect(loginCount()).toBe(0);
  });

  it('finds that the token holds no certificate', async () => {
    const { broken, of } = await found({ certificate: 'pkcs11:object=none' });
    expect(broken).toEqual(['certificate']);
    expect(of('certificate').code).toBe('ERR_CERTIFICATE_NOT_FOUND');
    expect(loginCount()).toBe(1);
  });

  it('names the tokens that there are', async () => {
    const { of } = await found({ 'token-label': 'none' });
    expect(of('token').seen).toMatch(/^no token matches; there are: "device" \(slot id \d+\)/);
  });

  it.each<[string, Readonly<Record<string, string | undefined>>, string, string]>([
    ['the label of no key', { label: 'none' }, 'key', 'ERR_KEY_NOT_FOUND'],
    ['two keys', { label: undefined }, 'key', 'ERR_KEY_AMBIGUOUS'],
    [
      'the key of another certificate',
      { label: 'other-key' },
      'key',
      'ERR_KEY_CERTIFICATE_MISMATCH',
    ],
  ])('finds %s, with one login', async (_name, others, step, code) => {
    const { broken, of } = await found(others);
    expect(broken).toEqual([step]);
    expect(of('key').code).toBe(code);
    expect(of('pin').status).toBe('ok');
    expect(commandsOf(of('key'), 'show')[0]).toContain('token list --module');
    expect(loginCount()).toBe(1);
  });

  it('tries a wrong PIN once, and then never again', async () => {
    for (const seen of ['CKR_PIN_INCORRECT', 'not tried again', 'not tried again']) {
      const { broken, of } = await found({ 'pin-file': wrongPinFile });
      expect(broken).toEqual(['pin']);
      expect(of('pin')).toMatchObject({
        code: 'ERR_PIN_INCORRECT',
        seen: expect.stringContaining(seen),
      });
      expect(of('key').status).toBe('skipped');
      expect(loginCount()).toBe(1);
    }
  });

  it('finds a wrong PIN without a network, too', async () => {
    const { broken } = await found({ 'pin-file': wrongPinFile, endpoint: 'localhost:1' });
    expect(broken).toEqual(['connection', 'pin']);
    expect(loginCount()).toBe(1);
  });

  it('tests PIN and key without a network', async () => {
    const { broken, of } = await found({ endpoint: 'localhost:1' });
    expect(broken).toEqual(['connection']);
    expect([of('pin').status, of('key').status]).toEqual(['ok', 'ok']);
    expect(loginCount()).toBe(1);
  });

  it.each<[Fault, string, string]>([
    ['locked', 'pin', 'ERR_PIN_LOCKED'],
    ['last-try', 'pin', 'ERR_PIN_FINAL_TRY'],
    ['crash', 'module', 'ERR_TOKEN_CRASHED'],
    ['hang', 'module', 'ERR_TOKEN_TIMEOUT'],
    ['initialize-error', 'module', 'ERR_PKCS11'],
    ['no-slots', 'token', 'ERR_TOKEN_NOT_FOUND'],
  ])('finds a token with the fault %s, without a login', async (fault, step, code) => {
    const { broken, of } = await found(
      { 'timeout-ms': fault === 'hang' ? '3000' : '30000' },
      fault,
    );
    expect(broken).toEqual([step]);
    expect(of(step as 'pin').code).toBe(code);
    expect(of('server').status).toBe('ok');
    expect(loginCount()).toBe(0);
  });

  it.each<[Fault, string, string]>([
    ['login-hang', 'key', 'ERR_TOKEN_TIMEOUT'],
    ['sign-crash', 'key', 'ERR_TOKEN_CRASHED'],
    ['sign-hang', 'key', 'ERR_TOKEN_TIMEOUT'],
    ['locks-at-once', 'pin', 'ERR_PIN_LOCKED'],
    ['vendor-error', 'key', 'ERR_PKCS11'],
  ])('finds a token with the fault %s, with one login', async (fault, step, code) => {
    const { broken, of } = await found(
      { 'timeout-ms': fault.endsWith('hang') ? '8000' : '30000' },
      fault,
    );
    expect(broken).toEqual([step]);
    expect(of(step as 'pin').code).toBe(code);
    expect(loginCount()).toBe(1);
  });

  it('does not show what a library prints, not even with the PIN', async () => {
    expect((await found({}, 'login-print')).broken).toEqual([]);
  });

  it('warns about a token that has no raw RSA for TLS 1.3', async () => {
    const { broken, of } = await found({}, 'no-pss');
    expect(broken).toEqual([]);
    expect(of('key')).toMatchObject({ status: 'warn', seen: expect.stringContaining('TLS 1.2') });
  });

  it('warns about a PIN file that others can read', async () => {
    const open = write('open-pin', PIN);
    writeFileSync(open, PIN);
    chmodSync(open, 0o644);
    const { broken, of } = await found({ 'pin-file': open });
    expect(broken).toEqual([]);
    expect(of('pin').status).toBe('warn');
    expect(commandsOf(of('pin'), 'fix')).toEqual([`chmod 600 ${open}`]);
  });

  it('asks for a PIN that no setting names', async () => {
    const { broken, of } = await found({ 'pin-file': undefined });
    expect(broken).toEqual(['pin']);
    expect(of('pin').code).toBe('ERR_PIN_REQUIRED');
  });

  it('keeps the library in a child process, whatever the settings say', async () => {
    const config = write('settings.json', JSON.stringify({ pkcs11: { isolate: false } }));
    const { status, stdout } = await run(['doctor', ...flags(), '--config', config, '--json'], {
      env: { FAULT: 'sign-crash', XDG_STATE_HOME: join(folder, 'isolate') },
    });
    expect(status).toBe(1);
    expect(JSON.parse(stdout).ok).toBe(false);
  });

  it('works with SoftHSM itself', async () => {
    expect((await found({ module: SOFTHSM_LIBRARY })).broken).toEqual([]);
  });
});
