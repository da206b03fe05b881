import { createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';
import { type KeyType, makeSelfSigned, openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const PASSPHRASE = 'correct horse';

/** One key in every format of common tools: format → bytes and whether they are encrypted. */
function everyForm(keyType: KeyType): Record<string, { bytes: Buffer; encrypted: boolean }> {
  const name = keyType.replace(' ', '');
  const { keyFile } = makeSelfSigned(folder, name, keyType);
  const traditional = keyType.startsWith('RSA') ? ['rsa', '-traditional'] : ['ec'];
  const pass = ['-passout', `pass:${PASSPHRASE}`];
  const convert = (...args: string[]) => openssl(...args, '-in', keyFile);
  const plain = (bytes: Buffer) => ({ bytes, encrypted: false });
  const encrypted = (bytes: Buffer) => ({ bytes, encrypted: true });
  return {
    'PKCS#8 PEM': plain(readFileSync(keyFile)),
    'PKCS#8 DER': plain(convert('pkcs8', '-topk8', '-nocrypt', '-outform', 'DER')),
    'traditional PEM': plain(convert(...traditional)),
    'traditional DER': plain(convert(...traditional, '-outform', 'DER')),
    'encrypted PKCS#8 PEM': encrypted(convert('pkcs8', '-topk8', ...pass)),
    'encrypted PKCS#8 DER': encrypted(convert('pkcs8', '-topk8', '-outform', 'DER', ...pass)),
    'encrypted PKCS#8 PEM (scrypt)': encrypted(convert('pkcs8', '-topk8', '-scrypt', ...pass)),
    'encrypted traditional PEM': encrypted(convert(...traditional, '-aes256', ...pass)),
    'PEM with CRLF': plain(Buffer.from(readFileSync(keyFile, 'utf8').replaceAll('\n', '\r\n'))),
    'PEM after text and parameters': plain(
      Buffer.concat([
        Buffer.from('Bag Attributes\n    friendlyName: x\n'),
        openssl('ecparam', '-name', 'prime256v1'),
        convert(...traditional),
      ]),
    ),
  };
}

describe.each(['RSA 2048', 'EC P-256', 'EC P-384'] as const)('an %s key', (keyType) => {
  const forms = everyForm(keyType);
  const { keyFile } = { keyFile: join(folder, `${keyType.replace(' ', '')}-key.pem`) };
  const publicKey = createPublicKey(readFileSync(keyFile));

  it.each(Object.entries(forms))('is read from %s', (_form, { bytes, encrypted }) => {
    const key = readPrivateKey(bytes, encrypted ? new Secret(PASSPHRASE) : undefined);
    expect(createPublicKey(key).equals(publicKey)).toBe(true);
  });

  it.each(Object.entries(forms).filter(([, { encrypted }]) => encrypted))(
    'in %s is refused without and with a wrong passphrase',
    async (_form, { bytes }) => {
      const without = await errorOf(() => readPrivateKey(bytes));
      expect(without.code).toBe('ERR_PASSPHRASE_REQUIRED');
      const wrong = await errorOf(() => readPrivateKey(bytes, new Secret('wrong')));
      expect(wrong.code).toBe('ERR_PASSPHRASE_WRONG');
      expect(inspect(wrong, { depth: 9 })).not.toMatch(/wrong'|correct horse/);
    },
  );

  it('is read from a path, from PEM text and from a KeyObject', () => {
    for (const source of [
      keyFile,
      readFileSync(keyFile, 'utf8'),
      createPrivateKey(readFileSync(keyFile)),
    ]) {
      expect(createPublicKey(readPrivateKey(source)).equals(publicKey)).toBe(true);
    }
  });
});

describe('readPrivateKey', () => {
  it('names a missing file', async () => {
    const error = await errorOf(() => readPrivateKey('/no/such/key.pem'));
    expect(error.code).toBe('ERR_FILE_UNREADABLE');
    expect(error.message).toContain('/no/such/key.pem');
    expect(error.message).toContain('"privateKey"');
  });

  it('rejects a folder', async () => {
    expect((await errorOf(() => readPrivateKey(folder))).message).toContain('it is a folder');
  });

  it('hints at swapped options for a certificate', async () => {
    const { certificateFile } = makeSelfSigned(folder, 'swapped');
    const error = await errorOf(() => readPrivateKey(certificateFile));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(error.hint).toContain('swapped');
  });

  it('rejects a public key', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect((await errorOf(() => readPrivateKey(publicKey))).message).toContain('public key');
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    expect((await errorOf(() => readPrivateKey(pem as string))).code).toBe(
      'ERR_PRIVATE_KEY_INVALID',
    );
  });

  it('rejects a damaged key without showing it', async () => {
    const { keyFile } = makeSelfSigned(folder, 'damaged');
    const pem = readFileSync(keyFile, 'utf8');
    const body = pem.split('\n')[1] ?? '';
    writeFileSync(keyFile, pem.replace(body, body.slice(8)));
    const error = await errorOf(() => readPrivateKey(keyFile));
    expect(error.code).toBe('ERR_PRIVATE_KEY_INVALID');
    expect(inspect(error, { depth: 9 })).not.toContain(body.slice(8, 40));
  });

  it('detects a wrong passphrase that happens to decrypt without an error', async () => {
    const { keyFile } = makeSelfSigned(folder, 'chance', 'EC P-256');
    const options = ['-topk8', '-outform', 'DER', '-iter', '1', '-passout', `pass:${PASSPHRASE}`];
    const bytes = openssl('pkcs8', ...options, '-in', keyFile);
    const decryptsByChance = (passphrase: string) => {
      try {
        return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8', passphrase });
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'ERR_OSSL_BAD_DECRYPT';
      }
    };
    let number = 0;
    while (!decryptsByChance(`wrong ${number}`)) number++;
    const error = await errorOf(() => readPrivateKey(bytes, new Secret(`wrong ${number}`)));
    expect(error.code).toBe('ERR_PASSPHRASE_WRONG');
  });

  it('returns a key or a CredentialHelperError for any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc
            .string()
            .map((text) =>
              Buffer.from(`-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`),
            ),
        ),
        (bytes) => {
          try {
            expect(readPrivateKey(bytes)).toBeInstanceOf(KeyObject);
          } catch (error) {
            expect((error as Error).name).toBe('CredentialHelperError');
          }
        },
      ),
    );
  });
});
