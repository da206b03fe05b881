import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { restOfKeyFile } from '../../src/identity/key-file-rest.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
const keyPem = readFileSync(device.keyFile, 'utf8');
const key = createPrivateKey(keyPem);
const certificatePem = readFileSync(device.certificateFile, 'utf8');
const certificate = new X509Certificate(certificatePem);
const der = key.export({ type: 'pkcs8', format: 'der' });
const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherPem = other.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const otherDer = other.privateKey.export({ type: 'pkcs8', format: 'der' });
const otherPublic = other.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const asText = openssl('rsa', '-in', device.keyFile, '-text').toString();
const rest = (content: string | Buffer, certificates: X509Certificate[] = []) =>
  restOfKeyFile(Buffer.from(content), key, certificates);

describe('a key file can be removed if it holds', () => {
  it.each<[string, string | Buffer, X509Certificate[]]>([
    ['the key alone', keyPem, []],
    ['DER', der, []],
    ['base64 of DER', der.toString('base64'), []],
    ['the key with written line ends', keyPem.replaceAll('\n', '\\n'), []],
    ['a JSON string', JSON.stringify(keyPem), []],
    ['its public key', keyPem + publicPem, []],
    ['its certificate, which is imported', certificatePem + keyPem, [certificate]],
    ['what openssl prints of it', asText, []],
    [
      'attributes of PKCS #12',
      `Bag Attributes\n    friendlyName: a\n    localKeyID: 01 02\n${keyPem}`,
      [],
    ],
  ])('%s', (_name, content, certificates) => {
    expect(rest(content, certificates)).toBeUndefined();
  });
});

describe('a key file is kept if it holds', () => {
  it.each<[string, string | Buffer]>([
    ['a second key', keyPem + otherPem],
    ['a certificate that is not imported', keyPem + certificatePem],
    ['the public key of another', keyPem + otherPublic],
    ['DER of a second key', Buffer.concat([der, otherDer])],
    ['DER and a certificate', Buffer.concat([der, certificate.raw])],
    ['DER and text', Buffer.concat([der, Buffer.from('notes')])],
    ['base64 of a second key', keyPem + otherDer.toString('base64')],
    ['a JSON Web Key', keyPem + JSON.stringify(other.privateKey.export({ format: 'jwk' }))],
    ['a PuTTY key', `${keyPem}PuTTY-User-Key-File-3: ssh-rsa\n`],
    ['a key whose frame is damaged', keyPem + otherPem.replace('-----BEGIN', '----- BEGIN')],
    ['a key with another end', keyPem + otherPem.replace('END PRIVATE', 'END RSA PRIVATE')],
    ['a certificate whose end is damaged', keyPem + certificatePem.replace(/-----\s*$/, '----\n')],
    ['a truncated key', keyPem + otherPem.slice(0, 400)],
    ['a truncated certificate before the key', certificatePem.slice(0, 300) + keyPem],
    ['JSON with more in it', JSON.stringify({ privateKey: keyPem, wifiPassword: 'x' })],
    ['an environment file', `DB_PASSWORD=x\nDEVICE_KEY="${keyPem}"\n`],
    ['a key in hexadecimal digits', `${keyPem}${otherDer.toString('hex')}\n`],
    ['comments', `${keyPem}# rotate in May\n`],
    [
      'DH parameters',
      `${keyPem}-----BEGIN DH PARAMETERS-----\nMAYCAQ==\n-----END DH PARAMETERS-----\n`,
    ],
  ])('%s', (_name, content) => {
    expect(rest(content)).toMatch(/second|block|certificate|text|DER/);
  });
});
