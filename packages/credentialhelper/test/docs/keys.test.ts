// Runs every command of docs/keys.md on files of each format. Simulated: the AWS CLI, and the terminal input when a
// command asks for a password. keytool is not run.
import { execFile, execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/identity/certificate.ts';
import { openPinSource } from '../../src/identity/pin.ts';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { findSecret, plantKey } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { makeFolder } from '../support/token.ts';

const DOCUMENT = readFileSync(new URL('../../../../docs/keys.md', import.meta.url), 'utf8');
const blocks = Array.from(
  DOCUMENT.matchAll(/^```sh\n(.*?)^```$/gms),
  ([, text = '']) => text,
).filter((text) => !text.startsWith('keytool '));
const remaining = new Set(blocks);

const folder = temporaryFolder();
const { keyFile, certificateFile } = makeSelfSigned(folder, 'device', 'RSA 2048');
const keyPem = readFileSync(keyFile, 'utf8');
const certificatePem = readFileSync(certificateFile, 'utf8');
const publicKey = createPublicKey(keyPem);
plantKey(keyPem);

const PASSWORD = 'changeit';
const bin = makeFolder(folder, 'bin');
writeFileSync(
  join(bin, 'aws'),
  `#!/usr/bin/env bash
set -euo pipefail
[[ "$1 $2 $3 $4 $6" == "iot create-keys-and-certificate --set-as-active --certificate-pem-outfile --private-key-outfile" ]]
cp ${certificateFile} "$5"
cp ${keyFile} "$7"
`,
);
chmodSync(join(bin, 'aws'), 0o755);

/** A folder as before a block of the document. */
function workFolder(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const work = makeFolder(folder, name);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(work, file), content);
  return work;
}

/** Runs the one block with this text, after `umask 077`. */
async function runBlock(work: string, having: string, typed = ''): Promise<void> {
  const [block = 'false', ...more] = blocks.filter((text) => text.includes(having));
  expect(more, `one block has ${having}`).toEqual([]);
  remaining.delete(block);
  const script = join(work, 'block.sh');
  writeFileSync(script, `set -euo pipefail\numask 077\n${block}`);
  // On its own terminal, for password prompts.
  const running = promisify(execFile)(
    'script',
    ['--quiet', '--return', '--command', 'bash block.sh', '/dev/null'],
    { cwd: work, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } },
  );
  running.child.stdin?.on('error', () => {}).write(typed);
  const { stdout } = await running;
  expect(findSecret(stdout), 'a secret in what the commands printed').toBeUndefined();
}

/** Expects the key in a folder to be ours, and unreadable to other users. */
function expectKey(work: string, passphrase?: string): void {
  const file = join(work, 'thing-key.pem');
  const key = readPrivateKey(file, passphrase === undefined ? undefined : new Secret(passphrase));
  expect(createPublicKey(key).equals(publicKey)).toBe(true);
  expect(statSync(file).mode & 0o077).toBe(0);
}

function expectCertificate(work: string): void {
  const [certificate] = readCertificates(join(work, 'thing-cert.pem'), 'certificate');
  expect(certificate?.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
}

/** Messages of the document that were seen. */
const seen = new Set<string>();

/** Expects a file to be rejected with a message of the document. */
async function expectRefused(
  file: string,
  message: string,
  read: (path: string) => unknown = readPrivateKey,
): Promise<void> {
  const error = await errorOf(() => read(file));
  expect(error.message).toContain(message);
  seen.add(message);
}
const readCertificate = (path: string) => readCertificates(path, 'certificate');

const openSshKey = () => {
  const file = join(folder, 'ssh-key');
  copyFileSync(keyFile, file);
  chmodSync(file, 0o600);
  execFileSync('ssh-keygen', ['-p', '-N', '', '-f', file], { stdio: 'ignore' });
  return readFileSync(file);
};
const puttyKey = () => {
  const file = join(folder, 'thing.ppk');
  const source = join(folder, 'traditional.pem');
  writeFileSync(source, openssl('pkey', '-traditional', '-in', keyFile), { mode: 0o600 });
  execFileSync('puttygen', [source, '-O', 'private', '-o', file]);
  return readFileSync(file);
};

describe('docs/keys.md', () => {
  it('begins with files that other users cannot read', async () => {
    expect(blocks[0]).toBe('umask 077\n');
    await runBlock(folder, 'umask 077');
  });

  it('converts PKCS #12', async () => {
    const p12 = openssl(
      ...['pkcs12', '-export', '-passout', `pass:${PASSWORD}`],
      ...['-inkey', keyFile, '-in', certificateFile],
    );
    const work = workFolder('p12', { 'thing.p12': p12 });
    await expectRefused(join(work, 'thing.p12'), 'is a PKCS #12 file');
    await runBlock(work, 'thing.p12 -nodes', `${PASSWORD}\n`.repeat(2));
    expectKey(work);
    expectCertificate(work);
  });

  it('converts OpenSSH keys', async () => {
    const work = workFolder('ssh', { 'thing-ssh-key': openSshKey() });
    chmodSync(join(work, 'thing-ssh-key'), 0o600);
    const file = join(work, 'thing-ssh-key');
    await expectRefused(file, 'holds a private key in OpenSSH format');
    await runBlock(work, 'ssh-keygen -p');
    expectKey(work);
  });

  it('converts PuTTY keys', async () => {
    const work = workFolder('putty', { 'thing.ppk': puttyKey() });
    await expectRefused(join(work, 'thing.ppk'), 'is a PuTTY key');
    await runBlock(work, 'puttygen');
    expectKey(work);
  });

  it('converts PKCS #7', async () => {
    const p7b = openssl('crl2pkcs7', '-nocrl', '-certfile', certificateFile);
    const work = workFolder('p7b', { 'thing.p7b': p7b });
    const file = join(work, 'thing.p7b');
    await expectRefused(file, 'holds certificates in PKCS #7 format', readCertificate);
    await runBlock(work, 'pkcs7');
    expectCertificate(work);
  });

  it('converts a JSON Web Key', async () => {
    const jwk = JSON.stringify(createPrivateKey(keyPem).export({ format: 'jwk' }));
    const work = workFolder('jwk', { 'thing.jwk': jwk });
    await expectRefused(join(work, 'thing.jwk'), 'is a JSON Web Key');
    await runBlock(work, 'thing.jwk');
    expectKey(work);
  });

  it('accepts output of the AWS CLI, or has it write files', async () => {
    const PublicKey = publicKey.export({ type: 'spki', format: 'pem' });
    const keyPair = { PublicKey, PrivateKey: keyPem };
    const answer = { certificateArn: 'arn', certificateId: 'id', certificatePem, keyPair };
    const work = workFolder('answer', {
      'thing-key.pem': JSON.stringify(answer, null, 4),
      'thing-cert.pem': JSON.stringify(answer, null, 4),
      without: JSON.stringify({ certificateArn: 'arn' }),
    });
    chmodSync(join(work, 'thing-key.pem'), 0o600);
    expectKey(work);
    expectCertificate(work);
    await expectRefused(join(work, 'without'), 'is output of the AWS CLI');

    const files = workFolder('files', {});
    await runBlock(files, 'aws iot');
    expectKey(files);
    expectCertificate(files);
  });

  it('re-encrypts a key whose cipher is too old', async () => {
    const old = openssl(
      ...['pkcs8', '-topk8', '-provider', 'default', '-provider', 'legacy', '-in', keyFile],
      ...['-v1', 'PBE-MD5-DES', '-passout', 'pass:old-word'],
    );
    const work = workFolder('old', { 'old-key.pem': old });
    const message = 'is encrypted in a way that the OpenSSL of this Node.js does not support';
    await expectRefused(join(work, 'old-key.pem'), message, (file) =>
      readPrivateKey(file, new Secret('old-word')),
    );
    await runBlock(work, '-provider legacy', 'old-word\nnew-word\nnew-word\n');
    expectKey(work, 'new-word');
  });

  it('encrypts a key, generates a PIN, and makes both readable by their owner only', async () => {
    const work = workFolder('own', { 'thing-key.pem': keyPem });
    await runBlock(work, 'encrypted-key.pem', 'word\nword\n');
    const encrypted = join(work, 'encrypted-key.pem');
    expect((await errorOf(() => readPrivateKey(encrypted))).code).toBe('ERR_PASSPHRASE_REQUIRED');
    const key = readPrivateKey(encrypted, new Secret('word'));
    expect(createPublicKey(key).equals(publicKey)).toBe(true);

    await runBlock(work, 'openssl rand');
    const pinFile = join(work, 'pin.txt');
    chmodSync(pinFile, 0o644);
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    const readAll = async () => {
      const pin = await openPinSource({ file: pinFile }, 'userPin', warn).read(1000);
      expect(pin?.reveal()).toMatch(/^[0-9a-f]{16}$/);
      readPrivateKey(join(work, 'thing-key.pem'), undefined, { warn });
    };
    await readAll();
    expect(warnings.join()).toMatch(/pin\.txt.*can be read by other users.*thing-key\.pem/);
    await runBlock(work, 'chmod 600');
    warnings.length = 0;
    await readAll();
    expect(warnings).toEqual([]);
  });

  it('names what cannot be converted', async () => {
    const work = workFolder('others', {
      tss: '-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n',
      jks: Buffer.from('feedfeed00000002', 'hex'),
      csr: openssl('req', '-new', '-key', keyFile, '-subj', '/CN=x'),
      public: openssl('pkey', '-in', keyFile, '-pubout'),
      ssh: 'ssh-rsa AAAA somebody\n',
      cut: keyPem.slice(0, 200),
      empty: '',
      blanks: ' \n',
      parameters: openssl('ecparam', '-name', 'prime256v1'),
      curve: openssl('ecparam', '-name', 'secp256k1', '-genkey', '-noout'),
      ed25519: openssl('genpkey', '-algorithm', 'ED25519'),
      short: openssl('genrsa', '1024'),
    });
    for (const [file, message] of [
      ['tss', 'holds a key that only the TPM which made it can use (TSS2)'],
      ['jks', 'is a Java keystore'],
      ['public', 'holds a public key'],
      ['ssh', 'is an OpenSSH public key'],
      ['cut', 'is truncated'],
      ['empty', 'is empty'],
      ['blanks', 'contains only whitespace'],
      ['parameters', 'holds key parameters and no key'],
      ['curve', 'which AWS IoT does not support'],
      ['ed25519', 'which AWS IoT does not support'],
      ['short', 'which AWS IoT does not support'],
    ] as const) {
      await expectRefused(join(work, file), message);
    }
    await expectRefused(certificateFile, 'holds a certificate');
    await expectRefused(keyFile, 'holds a private key', readCertificate);
    await expectRefused(join(work, 'csr'), 'holds a certificate signing request', readCertificate);
  });

  it('has no untested block or message', () => {
    expect([...remaining]).toEqual([]);
    const [table = ''] = /^\| message .*?\n\n/ms.exec(DOCUMENT) ?? [];
    const named = table.split('\n').flatMap((row) => {
      const [, first = ''] = row.split('|');
      return Array.from(first.matchAll(/`(.*?)`/g), ([, message]) => message);
    });
    expect(named.sort()).toEqual([...seen].sort());
  });

  it('has no broken link', () => {
    const docs = new URL('../../../../docs/', import.meta.url);
    const anchors = (text: string) =>
      Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
      );
    for (const [, file = '', anchor] of DOCUMENT.matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
      if (file !== '') expect(existsSync(new URL(file, docs)), file).toBe(true);
      const text = file === '' ? DOCUMENT : readFileSync(new URL(file, docs), 'utf8');
      if (anchor !== undefined) expect(anchors(text)).toContain(anchor);
    }
    expect(readdirSync(docs)).toContain('keys.md');
  });
});
