import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/identity/certificate.ts';
import { pemBlocks } from '../../src/identity/pem.ts';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { openSource } from '../../src/identity/read-source.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';
import { makeForms } from '../support/forms.ts';
import { openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const forms = makeForms(folder);
const { keyFile, write } = forms;
const keyPem = readFileSync(keyFile, 'utf8');
const keyDer = openssl('pkcs8', '-topk8', '-nocrypt', '-in', keyFile, '-outform', 'DER');
const publicKey = createPublicKey(keyPem);
const readText = (text: string) => readPrivateKey(openSource(text, 'privateKey'));
const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(keyPem, 'utf16le')]);

describe('a key is accepted', () => {
  it.each(forms.keys)('%s', (_form, text) => {
    expect(createPublicKey(readText(text)).equals(publicKey)).toBe(true);
    const file = write('form', text);
    expect(createPublicKey(readPrivateKey(file)).equals(publicKey)).toBe(true);
  });

  it('in UTF-16 with a byte order mark, as written by PowerShell', () => {
    for (const bytes of [utf16, Buffer.from(utf16).swap16()]) {
      expect(createPublicKey(readPrivateKey(bytes)).equals(publicKey)).toBe(true);
    }
  });

  it('in UTF-16 without a byte order mark', () => {
    for (const bytes of [utf16.subarray(2), Buffer.from(utf16.subarray(2)).swap16()]) {
      expect(createPublicKey(readPrivateKey(bytes)).equals(publicKey)).toBe(true);
    }
  });

  it('with the label of another format', () => {
    const pem = keyPem.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY');
    expect(createPublicKey(readText(pem)).equals(publicKey)).toBe(true);
    const encrypted = openssl('pkcs8', '-topk8', '-in', keyFile, '-passout', 'pass:word');
    const text = encrypted.toString().replaceAll('ENCRYPTED ', '');
    expect(createPublicKey(readPrivateKey(text, new Secret('word'))).equals(publicKey)).toBe(true);
  });

  it.each(['aes-256-cfb', 'aes-128-cbc', 'des3'])(
    'encrypted with %s, and a wrong passphrase is called wrong',
    async (cipher) => {
      for (const args of [
        ['ec', '-in', keyFile, `-${cipher}`, '-passout', 'pass:word'],
        ['pkcs8', '-topk8', '-in', keyFile, '-v2', cipher, '-passout', 'pass:word'],
      ]) {
        const pem = openssl(...args).toString();
        for (const text of [pem, pem.replaceAll('\n', ' ')]) {
          const key = readPrivateKey(text, new Secret('word'));
          expect(createPublicKey(key).equals(publicKey)).toBe(true);
        }
        for (let i = 0; i < 50; i++) {
          const error = await errorOf(() => readPrivateKey(pem, new Secret(`wrong ${i}`)));
          expect(error.code, inspect(error)).toBe('ERR_PASSPHRASE_WRONG');
        }
      }
    },
  );

  it('with traditional encryption, in one line', () => {
    const encrypted = openssl('ec', '-in', keyFile, '-aes256', '-passout', 'pass:word');
    const text = encrypted.toString().replaceAll('\n', '\\n');
    expect(createPublicKey(readPrivateKey(text, new Secret('word'))).equals(publicKey)).toBe(true);
  });

  it.each(forms.certificates)('and so is a certificate %s', (_form, text) => {
    const [certificate] = readCertificates(openSource(text, 'certificate'), 'certificate');
    expect(certificate?.subject).toBe('CN=device');
  });
});

describe('the format of a file that is not a key is named', () => {
  it.each(forms.refused)('%s', async (_name, file, message, hint) => {
    const error = await errorOf(() => readPrivateKey(file()));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('an unsupported cipher, which is not a wrong passphrase', async () => {
    const pem = `-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n${'A'.repeat(64)}\n-----END EC PRIVATE KEY-----\n`;
    const error = await errorOf(() => readPrivateKey(pem, new Secret('right')));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.message).toContain('(DES-CBC)');
    expect(error.hint).toContain('-provider legacy');
  });
});

describe('a chain', () => {
  it('with a truncated last certificate is rejected', async () => {
    const pem = readFileSync(forms.certificateFile, 'utf8');
    const error = await errorOf(() => readCertificates(pem + pem.slice(0, 200), 'certificate'));
    expect(error.code).toBe('ERR_CERTIFICATE_INVALID');
    expect(error.message).toContain('truncated');
  });
});

describe('a damaged encryption header', () => {
  it.each([/^DEK-Info:.*\n/m, /(?<=^DEK-Info: AES-256-CBC,.{8}).*/m])('%s', async (part) => {
    const pem = openssl('ec', '-in', keyFile, '-aes256', '-passout', 'pass:word').toString();
    const error = await errorOf(() => readPrivateKey(pem.replace(part, ''), new Secret('word')));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.message).toContain('DEK-Info');
  });
});

describe('a misplaced or malformed key', () => {
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
    if (shown !== 'private') expect(all).toContain(`a string of ${text.length} characters`);
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
  it('takes linear time', () => {
    // A search for the end of each would take minutes.
    expect(pemBlocks('-----BEGIN CERTIFICATE-----\n'.repeat(200_000))).toEqual([]);
  });
});
