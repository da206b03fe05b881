import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  certificateDateProblem,
  certificateId,
  chainForKey,
  readCertificates,
  toPem,
} from '../../src/identity/certificate.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const issuer = makeSelfSigned(folder, 'issuer', 'RSA 2048');
const devicePem = readFileSync(device.certificateFile, 'utf8');
const issuerPem = readFileSync(issuer.certificateFile, 'utf8');
const deviceKey = createPrivateKey(readFileSync(device.keyFile));

const read = (source: string | Uint8Array) => readCertificates(source, 'certificate');
const names = (certificates: readonly X509Certificate[]) =>
  certificates.map(({ subject }) => subject);

describe('readCertificates', () => {
  it('reads a path, PEM text, PEM bytes and DER bytes alike', () => {
    const der = openssl('x509', '-in', device.certificateFile, '-outform', 'DER');
    for (const source of [device.certificateFile, devicePem, Buffer.from(devicePem), der]) {
      expect(names(read(source))).toEqual(['CN=device']);
    }
  });

  it('reads all certificates of a file in their order, past other text and keys', () => {
    const key = readFileSync(device.keyFile, 'utf8');
    const text = `subject=CN = device\n${devicePem}\nissued by\r\n${key}${issuerPem}`;
    expect(names(read(text))).toEqual(['CN=device', 'CN=issuer']);
  });

  it.each([
    ['a key', () => device.keyFile, 'swapped'],
    ['PEM of something else', () => '-----BEGIN X-----\n-----END X-----', 'holds no certificate'],
    ['PEM without its end', () => '-----BEGIN NOTHING-----', 'is cut short'],
    ['bytes that are none', () => Buffer.from('certificate'), 'not an X.509 certificate'],
    [
      'a damaged second certificate',
      () => devicePem + issuerPem.replace('MII', 'MIX'),
      'certificate 2 of',
    ],
  ])('refuses %s and says so', async (_name, source, reason) => {
    const error = await errorOf(() => read(source()));
    expect(error.code).toBe('ERR_CERTIFICATE_INVALID');
    expect(`${error.message} ${error.hint}`).toContain(reason);
  });

  it('gives the code that it was asked to', async () => {
    const error = await errorOf(() => readCertificates(Buffer.from('x'), 'ca', 'ERR_CA_INVALID'));
    expect(error.code).toBe('ERR_CA_INVALID');
    expect(error.message).toContain('"ca"');
  });

  it('gives certificates or our error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect((error as Error).name).toBe('CredentialHelperError');
        }
      }),
    );
  });
});

describe('chainForKey', () => {
  it('puts the certificate of the key first and keeps the others', () => {
    expect(names(chainForKey(read(issuerPem + devicePem), deviceKey))).toEqual([
      'CN=device',
      'CN=issuer',
    ]);
  });

  it('refuses a key of another certificate, of the same kind and of another kind', async () => {
    const other = createPrivateKey(readFileSync(makeSelfSigned(folder, 'other').keyFile));
    const rsa = createPrivateKey(readFileSync(issuer.keyFile));
    for (const key of [other, rsa]) {
      const error = await errorOf(() => chainForKey(read(devicePem), key));
      expect(error.code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
      expect(error.message).toContain(certificateId(new X509Certificate(devicePem)));
    }
  });
});

describe('certificateId', () => {
  it('is the SHA-256 of the DER form, as openssl has it', () => {
    const fingerprint = openssl(
      'x509',
      '-in',
      device.certificateFile,
      '-noout',
      '-fingerprint',
      '-sha256',
    );
    const expected = fingerprint.toString().split('=')[1]?.trim().replaceAll(':', '').toLowerCase();
    expect(certificateId(new X509Certificate(devicePem))).toBe(expected);
  });
});

describe('toPem', () => {
  it('writes what openssl reads', () => {
    expect(names(read(toPem(read(devicePem + issuerPem))))).toEqual(['CN=device', 'CN=issuer']);
  });
});

describe('certificateDateProblem', () => {
  const [certificate] = read(join(folder, 'device-cert.pem'));
  const DAY = 86_400_000;

  it.each([
    ['within its dates', 1 * DAY, undefined],
    ['after its end', 31 * DAY, /expired on .* this device's clock says/],
    ['before its beginning', -1 * DAY, /is not valid before .* this device's clock says/],
  ])('%s', (_name, offset, expected) => {
    const problem = certificate && certificateDateProblem(certificate, Date.now() + offset);
    if (expected === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(expected);
  });
});
