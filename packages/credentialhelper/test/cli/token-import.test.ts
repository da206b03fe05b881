import { createHash } from 'node:crypto';
import { existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { plantKey } from '../support/secrets.ts';
import { SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import {
  convertKey,
  isEncrypted,
  KEY_FORMS,
  KEY_PAIR,
  makeFolder,
  startTokens,
} from '../support/token.ts';

interface ImportJson {
  readonly label: string;
  readonly id: string;
  readonly privateKey: string;
  readonly certificate: string | null;
  readonly certificates: number;
  readonly removed: string | null;
}

const tokens = startTokens();
const { folder } = tokens;
const passphraseFile = tokens.secretFile('passphrase', 'pass: phrase ü');

function device(name: string, keyType: Parameters<typeof makeSelfSigned>[2] = 'EC P-256') {
  const made = makeSelfSigned(folder, name, keyType);
  plantKey(readFileSync(made.keyFile, 'utf8'));
  return made;
}

function publicKeyOf(keyFile: string): Buffer {
  return openssl('pkey', '-in', keyFile, '-pubout', '-outform', 'DER');
}

const forms = Object.keys(KEY_FORMS) as (keyof typeof KEY_FORMS)[];

describe.each(['RSA 2048', 'EC P-256', 'EC P-384'] as const)(
  'token import of an %s key',
  (keyType) => {
    const { keyFile, certificateFile } = device(`form-${keyType.replace(' ', '-')}`, keyType);

    it.each(forms)('accepts %s', async (form) => {
      const token = `${keyType} ${forms.indexOf(form)}`;
      const flags = tokens.flags(token);
      const file = convertKey(keyFile, form, passphraseFile);
      const result = await runJson<ImportJson>([
        'token',
        'import',
        ...flags,
        ...['--label', 'thing key', '--key', file, '--certificate', certificateFile],
        ...(isEncrypted(form) ? ['--passphrase-file', passphraseFile] : []),
      ]);
      expect(result).toMatchObject({ label: 'thing key', certificates: 1, removed: null });
      const objects = tokens.objects(token);
      const publicKey = publicKeyOf(keyFile);
      if (keyType === 'RSA 2048') {
        expect(tokens.read(token, 'pubkey', result.id)).toEqual(publicKey);
      } else {
        // pkcs11-tool cannot export every EC key; it shows the point, with which the DER encoding of the key ends.
        const point = /EC_POINT: +04(?:41|61)([0-9a-f]+)/.exec(objects)?.[1] ?? 'none';
        expect(publicKey.toString('hex').endsWith(point)).toBe(true);
      }
      expect(tokens.read(token, 'cert', result.id)).toEqual(
        openssl('x509', '-in', certificateFile, '-outform', 'DER'),
      );
      expect(tokens.kinds(token)).toEqual(['Certificate', ...KEY_PAIR]);
      expect(objects.match(/label: +thing key/g)).toHaveLength(3);
      expect(objects).toMatch(/Private Key Object.*?Usage: +sign\n.*?Access: +sensitive\n/s);
      expect(objects).toContain('subject:    DN: CN=form-');
      expect(existsSync(file)).toBe(true);
    });
  },
);

describe('token import', () => {
  it('reports the result on stdout, and nothing on stderr', async () => {
    const { keyFile, certificateFile } = device('spoken');
    const { status, stdout, stderr } = await run([
      ...['token', 'import', ...tokens.flags('spoken'), '--label', 'k', '--key', keyFile],
      ...['--certificate', certificateFile, '--id', 'A1b2'],
    ]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^imported a private key \(EC P-256\) and 1 certificate with the label "k" and the id a1b2; verified with a test signature\npkcs11:token=spoken;serial=[0-9a-f]+;object=k;id=%A1%B2;type=private\?module-path=\S+\npkcs11:\S+;type=cert\?\S+\n$/,
    );
    expect(status).toBe(0);
    expect(tokens.objects('spoken').match(/ID: +a1b2\n/g)).toHaveLength(3);
  });

  it('derives the id like the subject key identifier of certificates', async () => {
    const { keyFile, certificateFile } = device('derived', 'RSA 2048');
    const { id } = await runJson<ImportJson>([
      ...['token', 'import', ...tokens.flags('derived'), '--label', 'k', '--key', keyFile],
    ]);
    const text = openssl('x509', '-in', certificateFile, '-noout', '-ext', 'subjectKeyIdentifier');
    expect(text.toString().replaceAll(':', '').toLowerCase()).toContain(id);
    expect(tokens.kinds('derived')).toEqual(KEY_PAIR);
  });

  it('stores the chain, the CA with a different id, and an existing CA only once', async () => {
    const ca = device('ca', 'RSA 2048');
    const chains = ['one', 'two'].map((name) => {
      const key = device(name);
      const csr = join(folder, `${name}.csr`);
      const certificate = join(folder, `${name}-chain.pem`);
      openssl('req', '-new', '-key', key.keyFile, '-subj', `/C=DE/CN=${name}`, '-out', csr);
      openssl(
        ...['x509', '-req', '-in', csr, '-CA', ca.certificateFile, '-CAkey', ca.keyFile],
        ...['-CAcreateserial', '-days', '3', '-out', certificate],
      );
      // The CA first: the order in the file does not matter.
      writeFileSync(
        certificate,
        readFileSync(ca.certificateFile, 'utf8') + readFileSync(certificate, 'utf8'),
      );
      return { keyFile: key.keyFile, certificate };
    });
    const stored: number[] = [];
    for (const [index, { keyFile, certificate }] of chains.entries()) {
      const { certificates } = await runJson<ImportJson>([
        ...['token', 'import', ...tokens.flags('chains'), '--label', `k${index}`],
        ...['--key', keyFile, '--certificate', certificate],
      ]);
      stored.push(certificates);
    }
    expect(stored).toEqual([2, 1]);
    const objects = tokens.objects('chains');
    expect(objects.match(/Certificate Object/g)).toHaveLength(3);
    expect(objects).toContain('subject:    DN: C=DE, CN=two');
    expect(objects).toMatch(/label: +k0 CA\n +subject: +DN: CN=ca\n/);
  });

  it.each([
    ['a label', ['--label', 'k', '--id', '02'], /already holds a private key with the label "k"/],
    ['an id', ['--label', 'other', '--id', '01'], /already holds an object with the id 01/],
  ])('rejects %s that is taken, and writes nothing', async (_name, naming, message) => {
    const flags = tokens.flags('taken');
    if (!tokens.objects('taken').includes('Private Key')) {
      const first = device('first');
      const args = ['token', 'import', ...flags, '--label', 'k', '--id', '01'];
      await runJson([...args, '--key', first.keyFile]);
    }
    const before = tokens.objects('taken');
    const second = device('second');
    const args = ['token', 'import', ...flags, ...naming, '--key', second.keyFile];
    const { status, stdout, stderr } = await run([...args, '--delete-source']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^awsiot-credentialhelper: error: .*\nawsiot-credentialhelper: hint: /);
    expect(status).toBe(1);
    expect(tokens.objects('taken')).toBe(before);
    expect(existsSync(second.keyFile)).toBe(true);
  });

  it('rejects a certificate of another key before the token is used', async () => {
    const { keyFile } = device('own');
    const { certificateFile } = device('foreign', 'RSA 2048');
    const { status, stdout, stderr } = await run([
      ...['token', 'import', '--module', SOFTHSM_LIBRARY],
      ...['--token-label', 'there is no such token', '--label', 'k', '--key', keyFile],
      ...['--certificate', certificateFile, '--delete-source', '--json'],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_KEY_CERTIFICATE_MISMATCH' } });
    expect(stderr).toMatch(
      /the private key \(EC P-256\) does not belong to certificate [0-9a-f]{64} \(CN=foreign\)/,
    );
    expect(status).toBe(1);
    expect(existsSync(keyFile)).toBe(true);
  });

  it('imports a certificate for an existing key, but not twice, nor for another key', async () => {
    const flags = tokens.flags('later');
    const { keyFile, certificateFile } = device('later');
    const args = ['token', 'import', ...flags, '--label', 'k'];
    const { id } = await runJson<ImportJson>([...args, '--key', keyFile]);
    const stored = await runJson<ImportJson>([...args, '--certificate', certificateFile]);
    expect(stored).toMatchObject({ id, certificates: 1 });
    const before = tokens.objects('later');
    const again = await run([...args, '--certificate', certificateFile]);
    expect(again.stderr).toMatch(/already holds certificate [0-9a-f]{64} \(CN=later\)/);
    const { certificateFile: foreign } = device('not-later');
    const other = await run([...args, '--certificate', foreign]);
    expect(other.stderr).toMatch(/"k" of token "later".*does not belong to .*CN=not-later/);
    const nobody = await run([...args.slice(0, -1), 'nobody', '--certificate', foreign]);
    expect(nobody.stderr).toMatch(/no private key with the label "nobody"; it has: "/);
    expect([again.status, other.status, nobody.status]).toEqual([1, 1, 1]);
    expect(tokens.objects('later')).toBe(before);
  });

  it('accepts EC P-521, and rejects other curves before the token is used', async () => {
    const flags = tokens.flags('curves');
    for (const curve of ['secp521r1', 'secp256k1', 'brainpoolP256r1']) {
      const file = join(folder, curve);
      openssl('ecparam', '-genkey', '-noout', '-name', curve, '-out', file);
      const args = ['token', 'import', ...flags, '--label', curve, '--key', file];
      const { status, stderr } = await run(args);
      expect(stderr).toMatch(
        curve === 'secp521r1'
          ? /^$/
          : new RegExp(
              `error: the private key in file ".*" is EC ${curve}, which AWS IoT does not support\n`,
            ),
      );
      expect(status).toBe(curve === 'secp521r1' ? 0 : 1);
    }
    const objects = tokens.objects('curves');
    expect(tokens.kinds('curves')).toEqual(KEY_PAIR);
    const der = openssl('pkey', '-in', join(folder, 'secp521r1'), '-pubout', '-outform', 'DER');
    const point = /EC_POINT: +048185([0-9a-f]+)/.exec(objects)?.[1] ?? 'none';
    expect(der.toString('hex').endsWith(point)).toBe(true);
  });

  it('reports an encrypted key, and a wrong passphrase', async () => {
    const file = convertKey(device('encrypted').keyFile, 'encrypted PKCS#8 PEM', passphraseFile);
    const args = ['token', 'import', ...tokens.flags('encrypted'), '--label', 'k', '--key', file];
    const none = await run(args);
    expect(none.stderr).toMatch(/no terminal.*\n.*hint: .*--passphrase-file FILE\n$/);
    const wrong = tokens.secretFile('wrong-passphrase', 'not the passphrase');
    const refused = await run([...args, '--passphrase-file', wrong]);
    expect(refused.stderr).toMatch(/the passphrase does not decrypt the private key in file/);
    expect([none.status, refused.status]).toEqual([1, 1]);
    expect(tokens.kinds('encrypted')).toEqual([]);
  });

  it.each<[string, string[], RegExp]>([
    ['neither key nor certificate', ['--label', 'k'], /nothing to import/],
    ['no label', ['--key', 'x'], /needs a label/],
    ['an id that is no hex', ['--label', 'k', '--key', 'x', '--id', 'xyz'], /hexadecimal/],
    [
      'PEM text for a path',
      ['--label', 'k', '--key', '-----BEGIN x'],
      /must be the path of a file/,
    ],
    ['a URI for a path', ['--label', 'k', '--key', 'pkcs11:object=k'], /got a PKCS#11 URI/],
    [
      '--delete-source without --key',
      ['--label', 'k', '--certificate', 'x', '--delete-source'],
      /--delete-source is for the file of --key/,
    ],
  ])('answers %s with exit status 2', async (_name, args, message) => {
    const { status, stdout, stderr } = await run([
      'token',
      'import',
      '--module',
      SOFTHSM_LIBRARY,
      ...args,
    ]);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('token import --delete-source', () => {
  it('removes the file after a test signature of the token is verified', async () => {
    const { keyFile, certificateFile } = device('removed');
    const { removed } = await runJson<ImportJson>([
      ...['token', 'import', ...tokens.flags('removed'), '--label', 'k', '--key', keyFile],
      ...['--certificate', certificateFile, '--delete-source'],
    ]);
    expect(removed).toBe(keyFile);
    expect(existsSync(keyFile)).toBe(false);
    expect(existsSync(certificateFile)).toBe(true);
  });

  it.each(['a symbolic link', 'a hard link'])('rejects %s', async (kind) => {
    const { keyFile } = device(`link-${kind.length}`);
    const link = join(folder, `link-to-${kind.length}`);
    if (kind === 'a hard link') linkSync(keyFile, link);
    else symlinkSync(keyFile, link);
    const flags = tokens.flags('links');
    const args = ['token', 'import', ...flags, '--label', 'k', '--key', link, '--delete-source'];
    const { status, stderr } = await run(args);
    expect(stderr).toMatch(/symbolic link|2 names/);
    expect(status).toBe(1);
    expect(tokens.kinds('links')).toEqual([]);
    expect(existsSync(keyFile) && existsSync(link)).toBe(true);
  });
});

describe('--delete-source', () => {
  const flags = () => tokens.flags('sources');

  it.each<[string, (key: string, other: string, certificate: string) => string, RegExp]>([
    ['a second private key', (key, other) => key + other, /holds a second private key/],
    ['a certificate', (key, _other, certificate) => key + certificate, /holds a certificate/],
  ])('refuses a file that holds %s besides, and writes nothing', async (name, content, message) => {
    const { keyFile, certificateFile } = device(name);
    const { keyFile: other } = device(`${name} other`);
    const [key, second, certificate] = [keyFile, other, certificateFile].map((file) =>
      readFileSync(file, 'utf8'),
    ) as [string, string, string];
    const file = join(folder, `${name}.pem`);
    writeFileSync(file, content(key, second, certificate));
    const args = ['token', 'import', ...flags(), '--label', name, '--key', file];
    const { status, stderr } = await run([...args, '--delete-source']);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('nothing was imported');
    expect(status).toBe(1);
    expect(existsSync(file)).toBe(true);
    expect(tokens.objects('sources')).not.toContain(name);
  });

  it('removes a file whose certificate is imported with its key', async () => {
    const { keyFile, certificateFile } = device('both');
    const file = join(folder, 'both.pem');
    writeFileSync(file, readFileSync(keyFile, 'utf8') + readFileSync(certificateFile, 'utf8'));
    const args = ['token', 'import', ...flags(), '--label', 'both', '--key', file];
    await runJson([...args, '--certificate', file, '--delete-source']);
    expect(existsSync(file)).toBe(false);
  });

  it('keeps a file that was replaced meanwhile', async () => {
    const library = buildFaultyModule(makeFolder(folder, 'replaced'));
    const slow = flags().map((flag) => (flag.endsWith('.so') ? library : flag));
    const { keyFile } = device('replaced');
    const { keyFile: next } = device('next');
    const loggedIn = join(folder, 'replaced-login');
    const args = ['token', 'import', ...slow, '--label', 'replaced', '--key', keyFile];
    const imported = run([...args, '--delete-source'], {
      env: { FAULT: 'sign-slow', LOGIN_LOG: loggedIn },
    });
    while (!existsSync(loggedIn)) await new Promise((resolve) => setTimeout(resolve, 10));
    const key = readFileSync(next);
    writeFileSync(keyFile, key);
    const { status, stderr } = await imported;
    expect(stderr).toContain('was not removed: it was replaced or changed after it was read');
    expect(status).toBe(1);
    expect(readFileSync(keyFile).equals(key)).toBe(true);
  });
});

describe('token import into a token that fails', () => {
  const library = buildFaultyModule(makeFolder(folder, 'faulty'));

  it.each<[Fault, string, RegExp]>([
    [
      'no-import',
      'ERR_IMPORT_REFUSED',
      /does not accept this private key: C_CreateObject returned CKR_FUNCTION_NOT_SUPPORTED for token/,
    ],
    ['never-made', 'ERR_PKCS11', /C_CreateObject returned CKR_GENERAL_ERROR for token "failing"/],
    [
      'second-object',
      'ERR_PKCS11',
      /C_CreateObject returned CKR_DEVICE_MEMORY for token "failing"/,
    ],
    ['third-object', 'ERR_PKCS11', /C_CreateObject returned CKR_DEVICE_MEMORY for token "failing"/],
    ['bad-signature', 'ERR_KEY_CERTIFICATE_MISMATCH', /does not belong to certificate/],
    ['no-sign', 'ERR_PKCS11', /C_SignInit returned CKR_KEY_FUNCTION_NOT_PERMITTED/],
    ['locked', 'ERR_PIN_LOCKED', /the PIN of token "failing" in slot \d+ is locked/],
    ['last-try', 'ERR_PIN_FINAL_TRY', /has one try left.*--ignore-pin-flags/s],
  ])('leaves nothing behind and keeps the file: %s', async (fault, code, message) => {
    const flags = tokens.flags('failing').map((flag) => (flag.endsWith('.so') ? library : flag));
    const { keyFile, certificateFile } = device('failing');
    const digest = createHash('sha256').update(readFileSync(keyFile)).digest('hex');
    const { status, stdout, stderr } = await run(
      [
        ...['token', 'import', ...flags, '--label', 'k', '--key', keyFile],
        ...['--certificate', certificateFile, '--delete-source', '--json'],
      ],
      { env: { FAULT: fault } },
    );
    expect(JSON.parse(stdout)).toMatchObject({ error: { code } });
    expect(stderr).toMatch(message);
    if (fault === 'no-import') expect(stderr).toContain('"token generate --csr FILE"');
    expect(status).toBe(1);
    expect(tokens.kinds('failing')).toEqual([]);
    expect(createHash('sha256').update(readFileSync(keyFile)).digest('hex')).toBe(digest);
  });

  it('retries an incomplete object, and deletes it', async () => {
    const flags = tokens.flags('half').map((flag) => (flag.endsWith('.so') ? library : flag));
    const { keyFile } = device('half');
    const args = ['token', 'import', ...flags, '--label', 'k', '--key', keyFile];
    const { status, stderr } = await run(args, { env: { FAULT: 'half-made' } });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(tokens.kinds('half')).toEqual(KEY_PAIR);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'finishes what it has begun when it is interrupted by %s',
    async (signal) => {
      const flags = tokens.flags(signal).map((flag) => (flag.endsWith('.so') ? library : flag));
      const { keyFile } = device(signal);
      const args = ['token', 'import', ...flags, '--label', 'k', '--key', keyFile];
      const { status, stdout, stderr } = await run([...args, '--delete-source'], {
        env: { FAULT: 'sign-slow', LOGIN_LOG: join(folder, signal) },
        signals: { onceThereIs: join(folder, signal), send: [signal] },
      });
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^imported a private key/);
      expect(status).toBe(0);
      expect(tokens.kinds(signal)).toEqual(KEY_PAIR);
      expect(existsSync(keyFile)).toBe(false);
    },
  );

  it('finishes its operation after the timeout', async () => {
    const flags = tokens.flags('overdue').map((flag) => (flag.endsWith('.so') ? library : flag));
    const { keyFile } = device('overdue');
    const args = ['token', 'import', ...flags, '--label', 'k', '--key', keyFile];
    const { status, stdout, stderr } = await run([...args, '--timeout-ms', '2000'], {
      env: { FAULT: 'sign-slow' },
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^imported a private key/);
    expect(status).toBe(0);
    expect(tokens.kinds('overdue')).toEqual(KEY_PAIR);
  });

  it.each<[string, NodeJS.Signals[]]>([
    ['at once when it is interrupted twice', ['SIGINT', 'SIGINT']],
    ['after its work for one signal', ['SIGTERM']],
  ])('ends a library that hangs %s', async (name, send) => {
    const label = `hanging ${send.length}`;
    const flags = tokens.flags(label).map((flag) => (flag.endsWith('.so') ? library : flag));
    const { keyFile } = device(label);
    const args = ['token', 'import', ...flags, '--label', 'k', '--key', keyFile];
    const { status, stdout, stderr } = await run([...args, '--delete-source'], {
      env: { FAULT: 'sign-hang', LOGIN_LOG: join(folder, name) },
      signals: { onceThereIs: join(folder, name), send },
    });
    expect(stderr).toBe('awsiot-credentialhelper: error: interrupted\n');
    expect([stdout, status]).toEqual(['', 1]);
    expect(existsSync(keyFile)).toBe(true);
  });
});
