import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/identity/certificate.ts';
import { pemBlocks } from '../../src/identity/pem.ts';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { openSource } from '../../src/identity/read-source.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device', 'EC P-256');
const keyPem = readFileSync(device.keyFile, 'utf8');
const certificatePem = readFileSync(device.certificateFile, 'utf8');
const keyDer = openssl('pkcs8', '-topk8', '-nocrypt', '-in', device.keyFile, '-outform', 'DER');
const publicKey = createPublicKey(keyPem);
const readText = (text: string) => readPrivateKey(openSource(text, 'privateKey'));
const write = (name: string, content: string | Uint8Array) => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};
const make = (name: string, ...args: string[]) => {
  openssl(...args, '-out', join(folder, name));
  return join(folder, name);
};
const oneLine = keyPem.replaceAll('\n', ' ').trim();
const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(keyPem, 'utf16le')]);

describe('a key is taken', () => {
  it.each<[string, string]>([
    ['in one line', oneLine],
    ['with line ends that are written out', keyPem.replaceAll('\n', '\\n')],
    ['with CRLF that is written out', keyPem.replaceAll('\n', '\\r\\n')],
    ['as a JSON string', JSON.stringify(keyPem)],
    ['indented', keyPem.replaceAll(/^/gm, '    ')],
    ['with CR alone', keyPem.replaceAll('\n', '\r')],
    ['after a byte order mark', `\ufeff${keyPem}`],
    ['as base64 of DER', keyDer.toString('base64')],
    ['as base64 of DER in lines', keyDer.toString('base64').replaceAll(/.{64}/g, '$&\n')],
    ['as base64url of DER', keyDer.toString('base64url')],
    ['as base64 of PEM', Buffer.from(keyPem).toString('base64')],
  ])('%s', (_form, text) => {
    expect(createPublicKey(readText(text)).equals(publicKey)).toBe(true);
    const file = write('form', text);
    expect(createPublicKey(readPrivateKey(file)).equals(publicKey)).toBe(true);
  });

  it('in UTF-16 with a byte order mark, as PowerShell writes it', () => {
    for (const bytes of [utf16, Buffer.from(utf16).swap16()]) {
      expect(createPublicKey(readPrivateKey(bytes)).equals(publicKey)).toBe(true);
    }
  });

  it('encrypted the old way, in one line', () => {
    const encrypted = openssl('ec', '-in', device.keyFile, '-aes256', '-passout', 'pass:word');
    const text = encrypted.toString().replaceAll('\n', '\\n');
    expect(createPublicKey(readPrivateKey(text, new Secret('word'))).equals(publicKey)).toBe(true);
  });

  it('and so is a certificate', () => {
    for (const text of [
      certificatePem.replaceAll('\n', '\\n'),
      certificatePem.replaceAll('\n', ' '),
    ]) {
      expect(readCertificates(text, 'certificate')[0]?.subject).toBe('CN=device');
    }
  });
});

describe('what is no key is named', () => {
  const p12 = ['-passout', 'pass:x', '-inkey', device.keyFile, '-in', device.certificateFile];
  const openSsh = () => {
    const file = join(folder, 'ssh');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', file]);
    return file;
  };
  it.each<[string, () => string, RegExp, RegExp]>([
    [
      'a PKCS #12 file',
      () => make('a.p12', 'pkcs12', '-export', ...p12),
      /PKCS #12/,
      /openssl pkcs12/,
    ],
    ['an OpenSSH key', openSsh, /OpenSSH/, /ssh-keygen -p -m PEM/],
    [
      'an OpenSSH public key',
      () => `${join(folder, 'ssh')}.pub`,
      /public key of OpenSSH/,
      /private/,
    ],
    ['a PuTTY key', () => write('a.ppk', 'PuTTY-User-Key-File-3: ssh-rsa\n'), /PuTTY/, /puttygen/],
    [
      'a Java key store',
      () => write('a.jks', Buffer.from('feedfeed00000002', 'hex')),
      /Java/,
      /keytool/,
    ],
    [
      'a TSS2 key',
      () => write('tss', '-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----'),
      /TPM/,
      /token generate/,
    ],
    [
      'PKCS #7',
      () => make('a.p7', 'crl2pkcs7', '-nocrl', '-certfile', device.certificateFile),
      /PKCS #7/,
      /openssl pkcs7/,
    ],
    [
      'PKCS #7 in DER',
      () =>
        make('b.p7', 'crl2pkcs7', '-nocrl', '-certfile', device.certificateFile, '-outform', 'DER'),
      /PKCS #7/,
      /-inform DER/,
    ],
    [
      'a public key',
      () => make('pub', 'pkey', '-in', device.keyFile, '-pubout'),
      /public key/,
      /private/,
    ],
    [
      'a request',
      () => make('csr', 'req', '-new', '-key', device.keyFile, '-subj', '/CN=x'),
      /signing request/,
      /issued/,
    ],
    ['a certificate', () => device.certificateFile, /certificate/, /swapped/],
    [
      'an answer of the AWS CLI',
      () => write('aws', JSON.stringify({ certificateArn: 'x', keyPair: {} })),
      /AWS CLI/,
      /private-key-outfile/,
    ],
    ['a JSON Web Key', () => write('jwk', '{"kty":"EC","d":"secret"}'), /JSON Web Key/, /PEM/],
    ['JSON', () => write('json', '{"a":1}'), /is JSON/, /PEM/],
    ['an empty file', () => write('empty', ''), /is empty/, /completely/],
    ['blanks', () => write('blanks', ' \n\n'), /nothing but blanks/, /BEGIN/],
    ['a key cut short', () => write('cut', keyPem.slice(0, 120)), /cut short/, /again/],
    [
      'parameters alone',
      () => make('par', 'ecparam', '-name', 'prime256v1'),
      /parameters/,
      /BEGIN/,
    ],
  ])('%s', async (_name, file, message, hint) => {
    const error = await errorOf(() => readPrivateKey(file()));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('a cipher that this OpenSSL lacks, which is no wrong passphrase', async () => {
    const pem = `-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n${'A'.repeat(64)}\n-----END EC PRIVATE KEY-----\n`;
    const error = await errorOf(() => readPrivateKey(pem, new Secret('right')));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.message).toContain('(DES-CBC)');
    expect(error.hint).toContain('-provider legacy');
  });
});

describe('a key in the wrong place or form', () => {
  const jwk = JSON.stringify(createPublicKey(keyPem).export({ format: 'jwk' }));
  it.each<[string, string]>([
    ['hexadecimal digits', keyDer.toString('hex')],
    ['base64 that lacks its first characters', keyDer.toString('base64').slice(5)],
    ['base64 that lacks its end', keyDer.toString('base64').slice(0, -20)],
    ['the body of PEM', keyPem.split('\n').slice(1, -2).join('')],
    ['a data: URL', `data:application/pem;base64,${Buffer.from(keyPem).toString('base64')}`],
    ['JSON', jwk],
    ['a URI with a PIN, after a blank', ' pkcs11:token=t?pin-value=123456'],
  ])('is not shown: %s', async (_form, text) => {
    let shown: unknown;
    try {
      shown = readText(text).type;
    } catch (error) {
      shown = error;
    }
    const all = inspect(shown, { depth: 9 });
    for (let i = 0; i + 12 <= text.length; i += 6) expect(all).not.toContain(text.slice(i, i + 12));
    if (shown !== 'private') expect(all).toContain(`a text of ${text.length} characters`);
  });

  it('paths are shown', async () => {
    for (const path of [
      '/no/such/key.pem',
      'certs/0123456789abcdef0123456789abcdef-private.pem.key',
    ]) {
      expect((await errorOf(() => readText(path))).message).toContain(path);
    }
  });
});

describe('pemBlocks', () => {
  it('takes time in proportion to the text', () => {
    // Searching for the end of each would take minutes.
    expect(pemBlocks('-----BEGIN CERTIFICATE-----\n'.repeat(200_000))).toEqual([]);
  });
});
