import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { startTokens } from '../support/token.ts';

const tokens = startTokens();
const flags = tokens.flags('change');
const library = buildFaultyModule(tokens.folder);
const withPin = (file: string) => [...flags.slice(0, -1), file];
const list = (file: string) => run(['token', 'list', ...withPin(file)]);

describe('token change-pin', () => {
  it('sets a new PIN, and a previously rejected one is tried again', async () => {
    const next = tokens.secretFile('next-pin', 'the-next-pin');
    expect((await list(next)).stderr).toMatch(/C_Login returned CKR_PIN_INCORRECT/);
    expect((await list(next)).stderr).toMatch(/not tried again/);
    const args = ['token', 'change-pin', ...flags, '--new-pin-file', next];
    expect(await runJson(args)).toEqual({ token: 'change', changed: true });
    expect((await list(next)).status).toBe(0);
    expect((await list(tokens.pinFile)).stderr).toMatch(/CKR_PIN_INCORRECT/);
    const back = ['token', 'change-pin', ...withPin(next), '--new-pin-file', tokens.pinFile];
    await runJson(back);
    expect((await list(tokens.pinFile)).status).toBe(0);
  });

  it.each([4, 33, 255])('accepts PINs of %i bytes', async (bytes) => {
    const long = tokens.secretFile(`pin-${bytes}`, 'p'.repeat(bytes - 1) + bytes.toString().at(-1));
    await runJson(['token', 'change-pin', ...flags, '--new-pin-file', long]);
    expect((await list(long)).status).toBe(0);
    await runJson(['token', 'change-pin', ...withPin(long), '--new-pin-file', tokens.pinFile]);
  });

  it('rejects a PIN that the token does not accept, and changes nothing', async () => {
    const short = tokens.secretFile('short-pin', '#-!');
    const { status, stderr } = await run([
      ...['token', 'change-pin', ...flags, '--new-pin-file', short],
    ]);
    expect(stderr).toMatch(
      /the new PIN is shorter or longer than this token accepts: 4 to 255 bytes/,
    );
    expect(status).toBe(2);
    expect((await list(short)).stderr).toMatch(/accepts PINs of 4 to 255 bytes.*it was not tried/);
    expect((await list(tokens.pinFile)).status).toBe(0);
  });

  it('reports that a token policy rejects the new PIN', async () => {
    const [, , ...token] = flags;
    const next = tokens.secretFile('refused-pin', 'a refused pin');
    const { status, stderr } = await run(
      ['token', 'change-pin', '--module', library, ...token, '--new-pin-file', next],
      { env: { FAULT: 'new-pin-refused' } },
    );
    expect(status).toBe(2);
    expect(stderr).toContain('does not accept the new PIN: C_SetPIN returned CKR_PIN_INVALID');
    expect(stderr).toContain('the PIN was not changed');
  });

  it('tries a wrong current PIN once', async () => {
    const wrong = tokens.secretFile('wrong-pin', 'wrong-present-pin');
    const args = ['token', 'change-pin', ...withPin(wrong), '--new-pin-file', tokens.pinFile];
    expect((await run(args)).stderr).toMatch(/C_Login returned CKR_PIN_INCORRECT/);
    expect((await run(args)).stderr).toMatch(/not tried again/);
  });
});
