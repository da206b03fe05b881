import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  certificateId,
  chainForKey,
  readCertificates,
  toPem,
  weakHash,
} from '../../src/identity/certificate.ts';
import { createContext } from '../../src/tls/secure-context.ts';
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
    ['PEM without its end', () => '-----BEGIN NOTHING-----', 'is truncated'],
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

  it('uses the specified error code', async () => {
    const error = await errorOf(() => readCertificates(Buffer.from('x'), 'ca', 'ERR_CA_INVALID'));
    expect(error.code).toBe('ERR_CA_INVALID');
    expect(error.message).toContain('"ca"');
  });

  it('returns certificates or a CredentialHelperError for any bytes', () => {
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

  it('rejects a key of another certificate, of the same kind and of another kind', async () => {
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
  it('is the SHA-256 of the DER encoding, as in openssl', () => {
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

describe('weakHash', () => {
  // The object identifiers of RSA and ECDSA with SHA-1, in an extension.
  const beside = ['-addext', '1.2.3.4=DER:06092a864886f70d01010506072a8648ce3d0401'];
  const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:20'];
  it.each<[string, 'RSA 2048' | 'EC P-256', readonly string[], string | undefined]>([
    ['RSA with SHA-1', 'RSA 2048', ['-sha1'], 'SHA-1'],
    ['RSA with MD5', 'RSA 2048', ['-md5'], 'MD5'],
    ['ECDSA with SHA-1', 'EC P-256', ['-sha1'], 'SHA-1'],
    ['RSA-PSS with SHA-1', 'RSA 2048', ['-sha1', ...pss], 'SHA-1'],
    [
      'RSA-PSS with SHA-1 and another salt',
      'RSA 2048',
      ['-sha1', ...pss.with(3, 'rsa_pss_saltlen:32')],
      'SHA-1',
    ],
    ['RSA-PSS with SHA-256', 'RSA 2048', ['-sha256', ...pss], undefined],
    ['RSA with SHA-256', 'RSA 2048', ['-sha256', ...beside], undefined],
    ['ECDSA with SHA-256', 'EC P-256', ['-sha256', ...beside], undefined],
    ['ECDSA with SHA-384', 'EC P-256', ['-sha384'], undefined],
  ])('of %s', (_name, keyType, extra, expected) => {
    const { certificateFile } = makeSelfSigned(folder, 'hash', keyType, extra);
    expect(read(certificateFile).map(weakHash)).toEqual([expected]);
  });

  it('of a certificate signed with SHA-256 by an issuer that is signed with SHA-1', () => {
    const old = makeSelfSigned(folder, 'old CA', 'RSA 2048', ['-sha1']);
    const ca = ['-CA', old.certificateFile, '-CAkey', old.keyFile];
    const issued = makeSelfSigned(folder, 'issued', 'EC P-256', ['-sha256', ...ca]);
    const chain = read(
      readFileSync(issued.certificateFile, 'utf8') + readFileSync(old.certificateFile, 'utf8'),
    );
    expect(chain.map(weakHash)).toEqual([undefined, 'SHA-1']);
  });
});

describe('a certificate that TLS does not accept', () => {
  const ca = makeSelfSigned(folder, 'a CA', 'RSA 2048');
  const issuedBy = ['-CA', ca.certificateFile, '-CAkey', ca.keyFile];
  it.each(['SHA-1', 'MD5'])(
    'because of %s is named, also beside other certificates',
    async (hash) => {
      const extra = [`-${hash.replace('-', '').toLowerCase()}`, ...issuedBy];
      const weak = makeSelfSigned(folder, 'weak', 'RSA 2048', extra);
      const oldCa = makeSelfSigned(folder, 'another CA', 'RSA 2048', ['-sha1']);
      const chain = read(
        readFileSync(oldCa.certificateFile, 'utf8') + readFileSync(weak.certificateFile, 'utf8'),
      );
      const error = await errorOf(() => createContext(toPem(chain.toReversed()), {}));
      expect(error.code).toBe('ERR_CERTIFICATE_INVALID');
      expect(error.message).toContain('(CN=weak)');
      expect(error.message).toContain(`its signature uses ${hash}`);
    },
  );
});
