import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSession } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/identity/certificate.ts';
import { keyKind } from '../../src/identity/key-kind.ts';
import { chainForKeyOf } from '../../src/identity/key-pair.ts';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';
import { type KeyType, makeSelfSigned, openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const other = makeSelfSigned(folder, 'other');
const certificates = readCertificates(device.certificateFile, 'certificate');

const make: Record<string, () => KeyObject> = {
  'EC secp256k1': () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
  'EC brainpoolP256r1': () =>
    generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey,
  'EC P-224': () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  Ed448: () => generateKeyPairSync('ed448').privateKey,
  X25519: () => generateKeyPairSync('x25519').privateKey,
  'DSA 1024': () =>
    generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey,
  'RSA-PSS 2048': () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
  'RSA 1024': () => generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
  'RSA 2047': () => generateKeyPairSync('rsa', { modulusLength: 2047 }).privateKey,
};

describe('a key that AWS IoT does not support is rejected in any format', () => {
  it.each(Object.keys(make))('%s', async (kind) => {
    const key = (make[kind] as () => KeyObject)();
    const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
    const file = join(folder, `${kind}.pem`);
    writeFileSync(file, pem);
    for (const source of [file, pem, key.export({ type: 'pkcs8', format: 'der' }), key]) {
      const error = await errorOf(() =>
        createSession({
          endpoint: 'a.credentials.iot.eu-west-1.amazonaws.com',
          roleAlias: 'x',
          certificate: device.certificateFile,
          privateKey: source,
        }),
      );
      expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
      expect(error.message).toContain(` is ${kind}, which AWS IoT does not support`);
      expect(error.hint).toContain('RSA 2048 or larger, EC P-256, P-384 or P-521');
    }
  });

  it('DSA in its traditional format', async () => {
    const pem = make['DSA 1024']?.().export({ type: 'pkcs8', format: 'pem' }) as string;
    const file = join(folder, 'dsa.pem');
    writeFileSync(file, pem);
    const traditional = openssl('pkey', '-traditional', '-in', file);
    expect(traditional.toString()).toContain('BEGIN DSA PRIVATE KEY');
    expect((await errorOf(() => readPrivateKey(traditional))).message).toContain('is DSA 1024');
  });

  it('an encrypted key', async () => {
    const options = {
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'w',
    } as const;
    const pem = generateKeyPairSync('ed25519').privateKey.export(options) as string;
    const error = await errorOf(() => readPrivateKey(pem, new Secret('w')));
    expect(error.message).toContain('is Ed25519');
  });
});

describe('keyKind', () => {
  it.each<KeyType>(['RSA 2048', 'EC P-256', 'EC P-384', 'EC P-521'])('accepts %s', (keyType) => {
    const { keyFile } = makeSelfSigned(folder, 'accepted', keyType);
    expect(keyKind(readPrivateKey(keyFile))).toEqual({ name: keyType, accepted: true });
  });

  it('recognizes a curve with explicit parameters', () => {
    const explicit = ['-name', 'prime256v1', '-genkey', '-noout', '-param_enc', 'explicit'];
    const key = createPrivateKey(openssl('ecparam', ...explicit));
    expect(keyKind(key)).toEqual({ name: 'EC P-256', accepted: true });
  });
});

describe('chainForKeyOf', () => {
  const mismatch = (source: string | KeyObject, passphrase?: Secret) =>
    errorOf(() =>
      chainForKeyOf(source, readPrivateKey(source, passphrase), certificates, passphrase),
    );
  const both = join(folder, 'both.pem');
  const otherPem = readFileSync(other.keyFile, 'utf8');

  it('reports which of several private keys in a file belongs to the certificate', async () => {
    writeFileSync(both, otherPem + readFileSync(device.keyFile, 'utf8'));
    const error = await mismatch(both);
    expect(error.code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
    expect(error.message).toContain('the private key (EC P-256) does not belong to certificate');
    expect(error.message).toContain(
      `file "${both}" holds 2 private keys, of which the first is used: private key 2 belongs to it`,
    );
    expect(error.hint).toContain('contains only that private key');
  });

  it('reports it for encrypted keys', async () => {
    const encrypted = openssl('ec', '-in', device.keyFile, '-aes256', '-passout', 'pass:word');
    writeFileSync(both, otherPem + otherPem + encrypted);
    expect((await mismatch(both, new Secret('word'))).message).toContain('private key 3 belongs');
    expect((await mismatch(both)).message).toContain('none of the other readable keys');
  });

  it('does not mention other keys if there are none', async () => {
    for (const source of [other.keyFile, createPrivateKey(otherPem)]) {
      expect((await mismatch(source)).message).not.toContain('private keys');
    }
  });
});
