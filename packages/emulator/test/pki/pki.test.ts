import { createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { issueDeviceCertificate, issueFromRequest } from '../../src/pki/device-certificates.ts';
import { createPki, createWrongCertificates, serverNames } from '../../src/pki/pki.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const REGION = 'eu-west-1';

/** Runs a task, and counts the key pairs that are generated meanwhile. */
async function countKeyPairs<T>(task: () => Promise<T>): Promise<{ result: T; keyPairs: number }> {
  let keyPairs = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === 'KEYPAIRGENREQUEST') keyPairs++;
    },
  }).enable();
  try {
    return { result: await task(), keyPairs };
  } finally {
    hook.disable();
  }
}

const { result: pki, keyPairs: ofPki } = await countKeyPairs(() => createPki(REGION, NOW_MS));

describe('the certificates of an account', () => {
  it('have a key pair each', () => {
    expect(ofPki).toBe(3);
  });

  it.each(['serverCa', 'server', 'deviceCa'] as const)('%s goes with its private key', (name) => {
    const { certificatePem, privateKeyPem } = pki[name];
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true);
  });

  it('name the endpoint, and are issued by the CA that clients trust', () => {
    const server = new X509Certificate(pki.server.certificatePem);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkHost('x.credentials.iot.eu-west-1.amazonaws.com')).toBeDefined();
    expect(server.checkIssued(new X509Certificate(pki.serverCa.certificatePem))).toBe(true);
  });
});

describe('the wrong server certificates', async () => {
  const { result: wrong, keyPairs } = await countKeyPairs(() =>
    createWrongCertificates(pki, serverNames(REGION), NOW_MS),
  );
  const serverCa = new X509Certificate(pki.serverCa.certificatePem);

  it('need no key pair: they are for the key of the server', () => {
    expect(keyPairs).toBe(0);
    const key = createPrivateKey(pki.server.privateKeyPem);
    for (const pem of Object.values(wrong)) {
      expect(new X509Certificate(pem).checkPrivateKey(key)).toBe(true);
    }
  });

  it('are invalid in one way each', () => {
    const described = Object.entries(wrong).map(([name, pem]) => {
      const certificate = new X509Certificate(pem);
      const isNamed = certificate.checkHost('localhost') !== undefined;
      const isTrusted = certificate.verify(serverCa.publicKey);
      const isCurrent = Date.parse(certificate.validTo) > NOW_MS;
      return [name, { isNamed, isTrusted, isCurrent }];
    });
    expect(Object.fromEntries(described)).toEqual({
      'other-name': { isNamed: false, isTrusted: true, isCurrent: true },
      untrusted: { isNamed: true, isTrusted: false, isCurrent: true },
      expired: { isNamed: true, isTrusted: true, isCurrent: false },
    });
  });
});

describe('a device certificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-pki-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['RSA-2048', 'BEGIN RSA PRIVATE KEY'],
    ['EC-P256', 'BEGIN EC PRIVATE KEY'],
    ['EC-P384', 'BEGIN EC PRIVATE KEY'],
  ] as const)('of kind %s comes with its key pair, and no other is made', async (kind, begin) => {
    const { result, keyPairs } = await countKeyPairs(() =>
      issueDeviceCertificate(pki.deviceCa, kind, NOW_MS),
    );
    expect(keyPairs).toBe(1);
    const certificate = new X509Certificate(result.certificatePem);
    expect(result.privateKeyPem).toContain(begin);
    expect(certificate.checkPrivateKey(createPrivateKey(result.privateKeyPem))).toBe(true);
    expect(certificate.publicKey.equals(createPublicKey(result.publicKeyPem))).toBe(true);
  });

  it('for a request has the key of the request, and no key is generated', async () => {
    const file = (name: string) => join(folder, name);
    execFileSync(
      'openssl',
      [
        ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=device'],
        ...['-keyout', file('key.pem'), '-out', file('request.pem')],
      ],
      { stdio: 'pipe' },
    );
    const request = readFileSync(file('request.pem'), 'utf8');
    const { result, keyPairs } = await countKeyPairs(() =>
      issueFromRequest(pki.deviceCa, request, NOW_MS),
    );
    expect(keyPairs).toBe(0);
    const key = createPrivateKey(readFileSync(file('key.pem')));
    expect(new X509Certificate(result).checkPrivateKey(key)).toBe(true);
  });
});
