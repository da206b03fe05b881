import { describe, expect, it } from 'vitest';
import { run, runJson, runOnTerminal, useTerminal } from '../support/cli.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { startTokens } from '../support/token.ts';

const tokens = startTokens();
useTerminal();
const flags = tokens.flags('delete');

/** Imports a key pair and its certificate into the token. */
async function importPair(label: string): Promise<void> {
  const { keyFile, certificateFile } = makeSelfSigned(tokens.folder, label);
  await runJson([
    ...['token', 'import', ...flags, '--label', label, '--key', keyFile],
    ...['--certificate', certificateFile],
  ]);
}

/** The types of the objects with a label, according to another tool. */
function kinds(label: string): string[] {
  return tokens
    .objects('delete')
    .split(/\n(?=\S)/)
    .filter((object) => new RegExp(`label: +${label}\\n`).test(object))
    .map((object) => object.split(' Object')[0] ?? '')
    .sort();
}

describe('token delete', () => {
  it('deletes a key pair, and leaves its certificate and other keys', async () => {
    await importPair('old');
    await importPair('kept');
    const args = ['token', 'delete', ...flags, '--label', 'old', '--yes'];
    expect(await runJson(args)).toMatchObject({
      deleted: [
        { type: 'private', label: 'old' },
        { type: 'public', label: 'old' },
      ],
    });
    expect(kinds('old')).toEqual(['Certificate']);
    expect(kinds('kept')).toEqual(['Certificate', 'Private Key', 'Public Key']);
    await runJson([...args, '--type', 'cert']);
    expect(kinds('old')).toEqual([]);
  });

  it('asks for confirmation, and deletes nothing unless the answer is yes', async () => {
    await importPair('asked');
    const args = ['token', 'delete', ...flags, '--label', 'asked'];
    const no = await runOnTerminal(args, [['Type yes to continue: ', 'no\n']]);
    expect(no.seen).toMatch(
      /Delete private key "asked" \(id [0-9a-f]{40}\) and public key "asked"/,
    );
    expect(no.status).toBe(1);
    expect(kinds('asked')).toHaveLength(3);
    const yes = await runOnTerminal(args, [['Type yes to continue: ', 'yes\n']]);
    expect(yes.stdout).toMatch(/^deleted private key "asked"/);
    expect(kinds('asked')).toEqual(['Certificate']);
  });

  it('deletes nothing without a terminal and without --yes', async () => {
    await importPair('silent');
    const { status, stderr } = await run(['token', 'delete', ...flags, '--label', 'silent']);
    expect(stderr).toMatch(/no terminal for the prompt.*\n.*hint: pass --yes/);
    expect(status).toBe(1);
    expect(kinds('silent')).toHaveLength(3);
  });

  it('requires an id if labels are not unique', async () => {
    const generate = ['token', 'generate', ...flags, '--label', 'first', '--id', '0a'];
    await runJson(generate);
    const { keyFile } = makeSelfSigned(tokens.folder, 'second');
    const other = tokens.flags('delete');
    await runJson([
      'token',
      'import',
      ...other,
      '--label',
      'second',
      '--key',
      keyFile,
      '--id',
      '0b',
    ]);
    const both = await run(['token', 'delete', ...flags, '--uri', 'pkcs11:', '--yes']);
    expect(both.stderr).toMatch(/no object is named/);
    expect(both.status).toBe(2);
    await runJson(['token', 'delete', ...flags, '--id', '0a', '--yes']);
    expect(kinds('first')).toEqual([]);
    expect(kinds('second')).toHaveLength(2);
  });

  it('names a missing object', async () => {
    const { status, stderr } = await run([
      ...['token', 'delete', ...flags, '--label', 'nope', '--yes'],
    ]);
    expect(stderr).toMatch(/token "delete" in slot \d+ holds no key with the label "nope"/);
    expect(status).toBe(1);
  });
});
