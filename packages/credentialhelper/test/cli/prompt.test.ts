import { describe, expect, it } from 'vitest';
import { run, runJson, runOnTerminal, useTerminal } from '../support/cli.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { findSecret, plantSecret } from '../support/secrets.ts';
import { PIN } from '../support/softhsm.ts';
import { convertKey, startTokens } from '../support/token.ts';

const tokens = startTokens();
useTerminal();
const flags = tokens.flags('prompt');
const withoutPin = flags.slice(0, -2);
const PASSPHRASE = 'päss: phrase';
const passphraseFile = tokens.secretFile('passphrase', PASSPHRASE);
const { keyFile } = makeSelfSigned(tokens.folder, 'device');
await runJson(['token', 'import', ...flags, '--label', 'k', '--key', keyFile]);
const verify = ['token', 'verify', ...withoutPin, '--label', 'k'];
const QUESTION = 'PIN of token "prompt": ';

describe('a PIN prompt', () => {
  it('does not echo, while stdout has only the result', async () => {
    const { status, stdout, stderr, seen } = await runOnTerminal(
      [...verify, '--json'],
      [[QUESTION, `${PIN}\n`]],
    );
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect([stderr, status]).toEqual(['', 0]);
    expect(seen).toBe(`${QUESTION}\r\n`);
  });

  it('supports corrections', async () => {
    const typed = `abc\x15${PIN}ü\x7f\r`;
    const { status } = await runOnTerminal(verify, [[QUESTION, typed]]);
    expect(status).toBe(0);
  });

  it('tries a wrong PIN once', async () => {
    const wrong = plantSecret('wrong pin 0815');
    const { status, stdout, stderr } = await runOnTerminal(verify, [[QUESTION, `${wrong}\n`]]);
    expect(stderr).toMatch(/C_Login returned CKR_PIN_INCORRECT/);
    expect([stdout, status]).toEqual(['', 1]);
  });

  it.each([
    ['Ctrl-C', '12\x03', /interrupted/],
    ['nothing', '\n', /no PIN or passphrase was entered/],
    ['Ctrl-D', '\x04', /no PIN or passphrase was entered/],
  ])('ends the command if the answer is %s', async (_name, typed, message) => {
    const { status, stderr } = await runOnTerminal(verify, [[QUESTION, typed]]);
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });

  it('fails with a hint at --pin-file without a terminal', async () => {
    const { status, stdout, stderr } = await run(verify);
    expect(stderr).toBe(
      'awsiot-credentialhelper: error: there is no terminal for the prompt (PIN of token "prompt")\n' +
        'awsiot-credentialhelper: hint: pass the PIN in a file: --pin-file FILE\n',
    );
    expect([stdout, status]).toEqual(['', 1]);
  });
});

describe('a passphrase prompt', () => {
  it('decrypts the key', async () => {
    const file = convertKey(keyFile, 'encrypted PKCS#8 PEM', passphraseFile);
    const args = ['token', 'import', ...tokens.flags('passphrase'), '--label', 'k', '--key', file];
    const { status, stdout } = await runOnTerminal(args, [
      [`Passphrase of file "${file}": `, `${PASSPHRASE}\n`],
    ]);
    expect(stdout).toMatch(/^imported a private key \(EC P-256\)/);
    expect(status).toBe(0);
  });
});

describe('the search for secrets in command output', () => {
  it('finds planted secrets in all encodings', () => {
    for (const form of [PIN, encodeURIComponent(PIN), Buffer.from(PIN).toString('base64')]) {
      expect(findSecret(`before ${form} after`)).toBeDefined();
    }
    expect(findSecret('nothing of the kind')).toBeUndefined();
  });
});
