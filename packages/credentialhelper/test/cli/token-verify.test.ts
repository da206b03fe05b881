import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { buildFaultyModule, type Fault } from '../support/faulty-module.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { PIN } from '../support/softhsm.ts';
import { makeFolder, startTokens } from '../support/token.ts';

interface VerifyJson {
  readonly ok: boolean;
  readonly belongs: boolean | null;
  readonly verdict: string;
  readonly tls: readonly string[];
  readonly certificate: { readonly description: string; readonly from: string } | null;
  readonly handshakes: readonly {
    readonly tls: string;
    readonly works: boolean;
    readonly reason: string | null;
    readonly signatureMs: number | null;
  }[];
  readonly attributes: Readonly<Record<string, boolean>>;
}

const tokens = startTokens();
const { folder } = tokens;
const flags = tokens.flags('verify');
const ec = makeSelfSigned(folder, 'ec', 'EC P-384');
const rsa = makeSelfSigned(folder, 'rsa', 'RSA 2048');
await runJson([
  ...['token', 'import', ...flags, '--label', 'ec', '--key', ec.keyFile],
  ...['--certificate', ec.certificateFile],
]);
await runJson(['token', 'import', ...flags, '--label', 'rsa', '--key', rsa.keyFile]);

const library = buildFaultyModule(makeFolder(folder, 'faulty'));
const withLibrary = (args: readonly string[], path: string) =>
  args.map((arg) => (arg.endsWith('.so') ? path : arg));
const verify = (...args: readonly string[]) => ['token', 'verify', ...flags, ...args];

describe('token verify', () => {
  it('reports all properties of a valid key', async () => {
    const result = await runJson<VerifyJson>(verify('--label', 'ec'));
    expect(result).toMatchObject({
      ok: true,
      belongs: true,
      tls: ['1.2', '1.3'],
      certificate: { from: 'token', description: expect.stringContaining('(CN=ec)') },
      handshakes: [
        { tls: '1.2', works: true, reason: null },
        { tls: '1.3', works: true, reason: null },
      ],
      attributes: { sensitive: true, extractable: false, alwaysAuthenticate: false },
    });
    expect(result.handshakes[0]?.signatureMs).toBeGreaterThan(0);
  });

  it('reports it as text too', async () => {
    const { status, stdout, stderr } = await run(
      verify('--label', 'rsa', '--certificate', rsa.certificateFile),
    );
    expect(stdout).toMatch(
      /^private key of token "verify" in slot \d+\n {2}pkcs11:token=verify;\S+\n {2}belongs to the certificate [0-9a-f]{64} \(CN=rsa\) in the file: yes\n {2}TLS 1\.2 handshake: yes, [\d.]+ ms for the signature\n {2}TLS 1\.3 handshake: yes, [\d.]+ ms for the signature\n {2}sensitive: yes, extractable: no, asks for the PIN at every signature: no\nthe key can be used for TLS client authentication with TLS 1\.2 and 1\.3\n$/,
    );
    expect([stderr, status]).toEqual(['', 0]);
  });

  it('reports a missing certificate', async () => {
    const result = await runJson<VerifyJson>(verify('--label', 'rsa'));
    expect(result).toMatchObject({ ok: true, belongs: null, certificate: null });
    expect(result.verdict).toMatch(/no certificate to compare/);
  });

  it.each([
    ['of another kind', 'ec', rsa],
    ['of another kind', 'rsa', ec],
    ['of the same kind', 'ec', makeSelfSigned(folder, 'other', 'EC P-384')],
  ])('fails for a certificate %s', async (_name, label, { certificateFile }) => {
    const { status, stdout } = await run(
      verify('--label', label, '--certificate', certificateFile, '--json'),
    );
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, belongs: false });
    expect(JSON.parse(stdout).verdict).toMatch(
      /cannot be used for TLS client authentication with this certificate/,
    );
    expect(status).toBe(1);
  });

  it('warns about an expired certificate', async () => {
    const csr = join(folder, 'expired.csr');
    const certificate = join(folder, 'expired.pem');
    openssl('req', '-new', '-key', ec.keyFile, '-subj', '/CN=expired', '-out', csr);
    openssl('x509', '-req', '-in', csr, '-signkey', ec.keyFile, '-days', '0', '-out', certificate);
    const { status, stderr } = await run(verify('--label', 'ec', '--certificate', certificate));
    expect(stderr).toMatch(/^awsiot-credentialhelper: warning: .*\(CN=expired\) expired on /);
    expect(status).toBe(0);
  });

  it('finds that a token without raw RSA cannot do TLS 1.3', async () => {
    const args = withLibrary(verify('--label', 'rsa'), library);
    const result = await runJson<VerifyJson>(args, { env: { FAULT: 'no-pss' } });
    expect(result).toMatchObject({ ok: true, tls: ['1.2'] });
    expect(result.verdict).toMatch(/with TLS 1\.2, not with TLS 1\.3: RSA-PSS requires raw RSA/);
  });

  it('finds that a token with raw RSA and without RSA-PSS can do TLS 1.3', async () => {
    const args = withLibrary(verify('--label', 'rsa'), library);
    const result = await runJson<VerifyJson>(args, { env: { FAULT: 'no-pss-but-raw' } });
    expect(result).toMatchObject({ ok: true, tls: ['1.2', '1.3'] });
  });

  it('fails with the error of the token if it refuses to sign', async () => {
    const args = withLibrary(verify('--label', 'rsa'), library);
    const { status, stderr } = await run(args, { env: { FAULT: 'no-sign' } });
    expect(stderr).toMatch(/C_SignInit returned CKR_KEY_FUNCTION_NOT_PERMITTED/);
    expect(status).toBe(1);
  });

  it('fails if the signatures of the token are invalid', async () => {
    const args = withLibrary(verify('--label', 'ec', '--json'), library);
    const { status, stdout } = await run(args, { env: { FAULT: 'bad-signature' } });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, belongs: false, handshakes: [] });
    expect(status).toBe(1);
  });

  it('enters the PIN for a key that asks for it at every signature', async () => {
    const key = ['--key-type', 'EC:prime256v1', '--always-auth', '--label', 'strict'];
    pkcs11Tool('verify', '--keypairgen', ...key, '--id', '77');
    expect(await runJson<VerifyJson>(verify('--label', 'strict'))).toMatchObject({
      ok: true,
      tls: ['1.2', '1.3'],
      attributes: { alwaysAuthenticate: true },
    });
  });

  it('kills a library that hangs at its deadline', async () => {
    const args = withLibrary(verify('--label', 'ec', '--timeout-ms', '2000'), library);
    const { status, stdout, stderr } = await run(args, { env: { FAULT: 'hang' } });
    expect(stderr).toMatch(
      /did not respond within 2000 ms; its process was killed\n.*--timeout-ms/,
    );
    expect([stdout, status]).toEqual(['', 1]);
  });

  it('survives a library that crashes', async () => {
    const env = { FAULT: 'sign-crash' };
    const { status, signal, stdout, stderr } = await run(
      withLibrary(verify('--label', 'ec', '--json'), library),
      { env },
    );
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_TOKEN_CRASHED' } });
    expect(stderr).toMatch(/ended before it answered \(SIGSEGV\)\n.*hint: the library crashed/);
    expect([status, signal]).toEqual([1, null]);
  });

  it.each<Fault>(['crash-at-exit', 'login-print'])(
    'passes on the result alone from a library with this fault: %s',
    async (fault) => {
      const env = { FAULT: fault };
      const args = withLibrary(['token', 'verify', ...flags, '--label', 'ec'], library);
      expect(await runJson<VerifyJson>(args, { env })).toMatchObject({ ok: true });
    },
  );

  it.each<Fault>(['pin-pad', 'no-login'])(
    'asks for no PIN if the token needs none: %s',
    async (fault) => {
      const env = { FAULT: fault, PIN_PAD_PIN: PIN };
      const args = withLibrary(
        ['token', 'verify', ...flags.slice(0, -2), '--label', 'ec'],
        library,
      );
      expect(await runJson<VerifyJson>(args, { env })).toMatchObject({ ok: true });
    },
  );

  it.each([
    [
      'a key that is not there',
      ['--label', 'nope'],
      /no private key with the label "nope"; it has: "ec" \(EC P-384\), "rsa" \(RSA 2048\)/,
    ],
    [
      'no key named where there are several',
      [],
      /holds \d private keys: "ec" .*\n.*hint: name one by its label.*pkcs11:/,
    ],
  ])('names %s', async (_name, args, message) => {
    const { status, stderr } = await run(verify(...args));
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });

  it('tries a wrong PIN once, and not again in another process', async () => {
    const wrong = tokens.secretFile('wrong-pin', 'wrong pin 4711');
    const args = ['token', 'verify', ...flags.slice(0, -1), wrong, '--label', 'ec'];
    const first = await run(args);
    expect(first.stderr).toMatch(
      /C_Login returned CKR_PIN_INCORRECT for token "verify" in slot \d+/,
    );
    const second = await run(args);
    expect(second.stderr).toMatch(
      /token "verify" in slot \d+ rejected this PIN on .*, so it was not tried again/,
    );
    expect([first.status, second.status]).toEqual([1, 1]);
  });

  it('warns about a PIN file that other users can read', async () => {
    const file = join(folder, 'open-pin');
    writeFileSync(file, 'wrong pin 4712', { mode: 0o644 });
    const { stderr } = await run(['token', 'verify', ...flags.slice(0, -1), file, '--label', 'ec']);
    expect(stderr.match(/warning: the PIN file .* can be read by other users/g)).toHaveLength(1);
  });

  it('reads the PIN from the pin-source of a URI', async () => {
    const uri = `pkcs11:token=verify;object=ec?module-name=softhsm2&pin-source=file:${tokens.pinFile}`;
    expect(await runJson<VerifyJson>(['token', 'verify', '--uri', uri])).toMatchObject({
      ok: true,
    });
  });
});
