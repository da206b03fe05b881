import { createPrivateKey } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSession, type Session } from 'awsiot-credentialhelper';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const aws = await startEmulator();
afterAll(() => aws.close());
const things = await Promise.all(
  ['one', 'two'].map((name) => aws.seed({ thingName: name, roleAlias: name })),
);
const ids = things.map(({ certificateId }) => certificateId);
for (const { certificateArn } of things.slice(1)) {
  await aws.iot.attachThingPrincipal({ thingName: 'one', principal: certificateArn });
  await aws.iot.attachPolicy({ policyName: things[0]?.policyName ?? '', target: certificateArn });
}

const open = (certificate: string, privateKey: string): Session =>
  createSession({
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    roleAlias: 'one',
    thingName: 'one',
    certificate,
    privateKey,
    ca: aws.ca,
    maxWaitMs: 0,
  });

/** Puts a file in the place of another, as a whole. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Ways to replace certificate and key, which then fit for a moment: five seconds without would be an error. */
const WAYS = {
  async 'two renames, some time apart'(certificate: string, key: string, round: number) {
    const thing = things[round % 2];
    replace(certificate, thing?.certificatePem ?? '');
    await sleep(20);
    replace(key, thing?.privateKeyPem ?? '');
    await sleep(20);
  },
  async 'two files written in place'(certificate: string, key: string, round: number) {
    const thing = things[round % 2];
    rmSync(key);
    await sleep(5);
    writeFileSync(certificate, thing?.certificatePem.slice(0, 300) ?? '');
    await sleep(5);
    writeFileSync(certificate, thing?.certificatePem ?? '');
    writeFileSync(key, thing?.privateKeyPem ?? '', { mode: 0o600 });
    await sleep(20);
  },
  async 'one link, as Kubernetes does'(certificate: string, _key: string, round: number) {
    const base = join(certificate, '../..');
    symlinkSync(round % 2 === 0 ? 'first' : 'second', join(base, 'data.new'));
    renameSync(join(base, 'data.new'), join(base, 'data'));
    await sleep(20);
  },
};

describe.each(Object.entries(WAYS))('certificate and key replaced by %s', (name, rotate) => {
  it('100 times under load: no call fails, and no pair that does not fit is used', async () => {
    const base = join(folder, name.replaceAll(/\W/g, '-'));
    for (const [index, version] of ['first', 'second'].entries()) {
      mkdirSync(join(base, version), { recursive: true });
      writeFileSync(join(base, version, 'cert.pem'), things[index]?.certificatePem ?? '');
      writeFileSync(join(base, version, 'key.pem'), things[index]?.privateKeyPem ?? '');
    }
    symlinkSync('first', join(base, 'data'));
    const [certificate, key] = [join(base, 'data', 'cert.pem'), join(base, 'data', 'key.pem')];
    const session = open(certificate, key);
    let isDone = false;
    const load = (async () => {
      let calls = 0;
      for (; !isDone; calls++) await session.refresh();
      return calls;
    })();
    for (let round = 1; round <= 100; round++) await rotate(certificate, key, round);
    isDone = true;
    expect(await load).toBeGreaterThan(20);
    const seen = new Set(
      aws.requests.latest.filter(({ status }) => status === 200).map((one) => one.certificateId),
    );
    expect([...seen].every((id) => id !== undefined && ids.includes(id))).toBe(true);
  });
});

describe('certificate and key that do not fit', () => {
  it('are waited for if they are being replaced, and there were none before', async () => {
    const [certificate, key] = [join(folder, 'late.pem'), join(folder, 'late-key.pem')];
    writeFileSync(certificate, things[0]?.certificatePem ?? '');
    writeFileSync(key, things[0]?.privateKeyPem ?? '');
    const session = open(certificate, key);
    await sleep(60);
    replace(certificate, things[1]?.certificatePem ?? '');
    const given = session.credentials();
    await sleep(500);
    replace(key, things[1]?.privateKeyPem ?? '');
    expect((await given).accessKeyId).toMatch(/^ASIA/);
  });

  it('are an error at once where nobody has touched them for a while', async () => {
    const [certificate, key] = [join(folder, 'old.pem'), join(folder, 'old-key.pem')];
    writeFileSync(certificate, things[0]?.certificatePem ?? '');
    writeFileSync(key, things[1]?.privateKeyPem ?? '');
    expect((await errorOf(() => open(certificate, key))).code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
  });

  it('are an error five seconds after they were changed', async () => {
    const own = join(folder, 'settled');
    mkdirSync(own);
    const [certificate, key] = [join(own, 'cert.pem'), join(own, 'key.pem')];
    writeFileSync(certificate, things[0]?.certificatePem ?? '');
    writeFileSync(key, things[0]?.privateKeyPem ?? '');
    const session = open(certificate, key);
    await session.credentials();
    replace(certificate, things[1]?.certificatePem ?? '');
    expect((await session.refresh()).accessKeyId, 'the previous pair').toMatch(/^ASIA/);
    await sleep(5100);
    expect((await errorOf(() => session.refresh())).code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
  });

  it('are an error after a while also where the folder is never left alone', async () => {
    const own = join(folder, 'busy');
    mkdirSync(own);
    const session = open(...pairIn(own));
    await session.credentials();
    const busy = setInterval(() => writeFileSync(join(own, String(Math.random())), ''), 100);
    try {
      writeFileSync(join(own, 'cert.pem'), 'damaged');
      expect((await session.refresh()).accessKeyId, 'the previous pair').toMatch(/^ASIA/);
      await sleep(5500);
      expect((await errorOf(() => session.refresh())).code).toBe('ERR_CERTIFICATE_INVALID');
      writeFileSync(join(own, 'cert.pem'), things[0]?.certificatePem ?? '');
      await session.refresh();
      writeFileSync(join(own, 'cert.pem'), 'damaged');
      expect((await session.refresh()).accessKeyId, 'damaged again').toMatch(/^ASIA/);
    } finally {
      clearInterval(busy);
    }
  });
});

/** Certificate and key of the first thing, in a folder. */
function pairIn(own: string): [string, string] {
  const [certificate, key] = [join(own, 'cert.pem'), join(own, 'key.pem')];
  writeFileSync(certificate, things[0]?.certificatePem ?? '');
  writeFileSync(key, things[0]?.privateKeyPem ?? '', { mode: 0o600 });
  return [certificate, key];
}

describe('a certificate that is replaced, of a key in a token', () => {
  it.each([true, false])(
    'does not fail a call while it is written (isolate %s)',
    async (isolate) => {
      const own = join(folder, `token-${isolate}`);
      mkdirSync(own);
      const [certificate] = pairIn(own);
      const keyFile = join(own, 'pkcs8.pem');
      const key = createPrivateKey(things[0]?.privateKeyPem ?? '');
      writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      softHsm.initToken(own.slice(-20));
      softHsm.importKey({ token: own.slice(-20), label: 'key', id: '01', file: keyFile });
      const session = createSession({
        endpoint: aws.credentialsEndpoint,
        region: aws.region,
        roleAlias: 'one',
        thingName: 'one',
        certificate,
        pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: own.slice(-20), isolate },
        ca: aws.ca,
        maxWaitMs: 0,
      });
      await session.credentials();
      writeFileSync(certificate, things[0]?.certificatePem.slice(0, 300) ?? '');
      expect((await session.refresh()).accessKeyId).toMatch(/^ASIA/);
      writeFileSync(certificate, things[0]?.certificatePem ?? '');
      expect((await session.refresh()).accessKeyId).toMatch(/^ASIA/);
    },
  );
});

describe('the previous pair is used for a while', () => {
  it.each([
    ['the folder was renamed away', (own: string) => renameSync(own, `${own}.old`)],
    [
      'the folder above it was renamed away',
      (own: string) => renameSync(join(own, '..'), join(own, '../../renamed')),
    ],
    [
      'a link leads in a circle',
      (own: string) => {
        renameSync(own, `${own}.old`);
        symlinkSync(own, own);
      },
    ],
    [
      'the key is encrypted',
      (own: string) => {
        const encrypted = createPrivateKey(things[0]?.privateKeyPem ?? '').export({
          type: 'pkcs8',
          format: 'pem',
          cipher: 'aes-256-cbc',
          passphrase: 'secret',
        });
        replace(join(own, 'key.pem'), String(encrypted));
      },
    ],
  ])('where %s', async (name, change) => {
    const own = join(folder, name.replaceAll(' ', '-'), 'pair');
    mkdirSync(own, { recursive: true });
    const session = open(...pairIn(own));
    await session.credentials();
    // What is new there may have been made long ago.
    await sleep(5100);
    change(own);
    expect((await session.refresh()).accessKeyId).toMatch(/^ASIA/);
  });
});
