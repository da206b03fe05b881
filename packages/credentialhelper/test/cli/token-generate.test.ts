import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { someOf } from '../support/often.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { KEY_PAIR, makeFolder, startTokens } from '../support/token.ts';

interface GenerateJson {
  readonly id: string;
  readonly privateKey: string;
  readonly csr: string | null;
}

const tokens = startTokens();
const { folder } = tokens;

/** A request as parsed by openssl, which also verifies the signature. */
function readCsr(file: string): string {
  const show = ['-noout', '-text', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8'];
  return openssl('req', '-in', file, '-verify', ...show).toString();
}

describe('token generate', () => {
  it.each(
    someOf([
      ['p256', 'NIST CURVE: P-256', 'ecdsa-with-SHA256', 'EC'],
      ['p384', 'NIST CURVE: P-384', 'ecdsa-with-SHA384', 'EC'],
      ['rsa3072', 'Public-Key: (3072 bit)', 'sha256WithRSAEncryption', 'RSA'],
      ['rsa2048', 'Public-Key: (2048 bit)', 'sha256WithRSAEncryption', 'RSA'],
      ['rsa4096', 'Public-Key: (4096 bit)', 'sha256WithRSAEncryption', 'RSA'],
    ]),
  )(
    'generates a %s key and a request, and accepts the issued certificate',
    async (keyType, kind, algorithm, family) => {
      const flags = tokens.flags(keyType);
      const csr = join(folder, `${keyType}.csr`);
      const made = await runJson<GenerateJson>([
        ...['token', 'generate', ...flags, '--label', `thing ü ${keyType}`],
        ...['--key-type', keyType, '--csr', csr],
      ]);
      expect(made.csr).toBe(csr);
      const text = readCsr(csr);
      expect(text).toContain(kind);
      expect(text).toContain(`Signature Algorithm: ${algorithm}`);
      expect(text).toContain(`subject=CN=thing ü ${keyType}\n`);
      const objects = tokens.objects(keyType);
      expect(tokens.kinds(keyType)).toEqual(KEY_PAIR);
      expect(objects).toMatch(
        new RegExp(
          `Private Key Object; ${family}.*?Usage: +sign\n.*?Access: +sensitive, always sensitive, never extractable, local\n`,
          's',
        ),
      );

      const ca = makeSelfSigned(folder, `ca-${keyType}`);
      const certificate = join(folder, `${keyType}.pem`);
      openssl(
        ...['x509', '-req', '-in', csr, '-CA', ca.certificateFile, '-CAkey', ca.keyFile],
        ...['-CAcreateserial', '-days', '3', '-out', certificate],
      );
      const naming = ['--label', `thing ü ${keyType}`, '--certificate', certificate];
      await runJson(['token', 'import', ...flags, ...naming]);
      expect(tokens.read(keyType, 'cert', made.id)).toEqual(
        openssl('x509', '-in', certificate, '-outform', 'DER'),
      );
      const verified = await run([
        'token',
        'verify',
        '--uri',
        made.privateKey,
        '--pin-file',
        tokens.pinFile,
      ]);
      expect(verified.stdout).toMatch(
        /in the token: yes\n[\s\S]*the key can be used for TLS client authentication with TLS 1\.2 and 1\.3\n$/,
      );
      expect(verified.status).toBe(0);
    },
  );

  it('writes the subject unchanged, with its order and characters', async () => {
    const csr = join(folder, 'subject.csr');
    const { stdout, status } = await run([
      ...[
        'token',
        'generate',
        ...tokens.flags('subject'),
        '--label',
        'k',
        '--id',
        '07',
        '--csr',
        csr,
      ],
      ...['--subject', 'C=DE, O=Müller\\, Söhne,ou=x\\\\y,serialNumber=00-1,CN=thing'],
    ]);
    expect(stdout).toContain(
      `and the id 07; verified with a test signature\npkcs11:token=subject;`,
    );
    expect(stdout).toContain(`wrote the certificate signing request ${csr}\n`);
    expect(status).toBe(0);
    // RFC 2253 reverses the order of a name.
    expect(readCsr(csr)).toContain(
      'subject=CN=thing,serialNumber=00-1,OU=x\\\\y,O=Müller\\, Söhne,C=DE\n',
    );
    const der = openssl('asn1parse', '-in', csr).toString();
    expect(der).toMatch(/:countryName\n.*PRINTABLESTRING *:DE\n/);
    expect(der).toMatch(/:organizationName\n.*UTF8STRING/);
  });

  it('generates a key without a request', async () => {
    const made = await runJson<GenerateJson>([
      ...['token', 'generate', ...tokens.flags('plain'), '--label', 'k'],
    ]);
    expect(made.csr).toBeNull();
    expect(made.id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('rejects an existing label, and generates nothing', async () => {
    const flags = tokens.flags('twice');
    const args = ['token', 'generate', ...flags, '--label', 'k'];
    await runJson(args);
    const before = tokens.objects('twice');
    const { status, stdout, stderr } = await run([...args, '--csr', join(folder, 'twice.csr')]);
    expect(stderr).toMatch(
      /already holds a private key with the label "k": pkcs11:token=twice;object=k/,
    );
    expect([stdout, status]).toEqual(['', 1]);
    expect(tokens.objects('twice')).toBe(before);
    expect(existsSync(join(folder, 'twice.csr'))).toBe(false);
  });

  it('overwrites no file, and deletes the key if the request cannot be written', async () => {
    const flags = tokens.flags('unwritable');
    const taken = join(folder, 'taken.csr');
    writeFileSync(taken, 'precious');
    for (const csr of [taken, join(folder, 'no', 'such', 'folder.csr')]) {
      const { status, stderr } = await run([
        'token',
        'generate',
        ...flags,
        '--label',
        'k',
        '--csr',
        csr,
      ]);
      expect(stderr).toMatch(/cannot write .*\.csr: .*\n.*hint: .*the key pair was deleted/);
      expect(status).toBe(1);
    }
    expect(readFileSync(taken, 'utf8')).toBe('precious');
    expect(tokens.kinds('unwritable')).toEqual([]);
  });

  it('deletes a key with invalid signatures', async () => {
    const library = buildFaultyModule(makeFolder(folder, 'faulty'));
    const flags = tokens.flags('defective').map((flag) => (flag.endsWith('.so') ? library : flag));
    const csr = join(folder, 'defective.csr');
    const { status, stderr } = await run(
      ['token', 'generate', ...flags, '--label', 'k', '--csr', csr],
      {
        env: { FAULT: 'bad-signature' },
      },
    );
    expect(stderr).toMatch(/generated a key pair whose signatures do not match its public key/);
    expect(status).toBe(1);
    expect(tokens.kinds('defective')).toEqual([]);
    expect(existsSync(csr)).toBe(false);
  });

  it.each([
    [
      'a subject without --csr',
      ['--label', 'k', '--subject', 'CN=x'],
      /--subject is for the certificate signing request/,
    ],
    [
      'a subject with unknown attributes',
      ['--label', 'k', '--csr', '/x/y', '--subject', 'XX=x'],
      /each component is one of CN, serialNumber/,
    ],
    [
      'a country that is none',
      ['--label', 'k', '--csr', '/x/y', '--subject', 'C=Germany'],
      /two letters/,
    ],
    [
      'a subject with an empty component',
      ['--label', 'k', '--csr', '/x/y', '--subject', 'CN=x,,O=y'],
      /an empty component/,
    ],
    ['an unknown kind of key', ['--label', 'k', '--key-type', 'dsa'], /Allowed choices are p256/],
    ['no label', [], /needs a label/],
  ])('rejects %s', async (_name, args, message) => {
    const { status, stdout, stderr } = await run([
      'token',
      'generate',
      ...tokens.flags('refused'),
      ...args,
    ]);
    expect(stderr).toMatch(message);
    expect([stdout, status]).toEqual(['', 2]);
    expect(tokens.kinds('refused')).toEqual([]);
  });

  it('names the other types if the token does not support one', async () => {
    const [, , ...token] = tokens.flags('refuses');
    const args = ['--module', buildFaultyModule(folder), ...token, '--label', 'none'];
    const env = { FAULT: 'no-such-curve' };
    const { stderr } = await run(['token', 'generate', ...args, '--key-type', 'p384'], { env });
    expect(stderr).toMatch(/cannot generate a key of type p384: .*CKR_DOMAIN_PARAMS_INVALID/);
    expect(stderr).toContain('hint: try another type: p256, rsa2048, rsa3072, rsa4096\n');
  });

  it('creates the request readable for others, as it is not secret', async () => {
    const csr = join(folder, 'public.csr');
    await runJson(['token', 'generate', ...tokens.flags('public'), '--label', 'k', '--csr', csr]);
    expect(statSync(csr).mode & 0o444).toBe(0o444);
  });
});
