import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { run, runJson, runOnTerminal, useTerminal } from '../support/cli.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import { KEY_PAIR, startTokens } from '../support/token.ts';

interface InitJson {
  readonly token: {
    readonly label: string;
    readonly slotId: number;
    readonly uri: string;
    readonly serial: string;
  };
  readonly erased: boolean;
}

const tokens = startTokens();
useTerminal();
const { folder, pinFile, soPinFile } = tokens;
const module = ['--module', SOFTHSM_LIBRARY];
const init = (label: string, ...more: readonly string[]) => [
  ...['token', 'init', ...module, '--label', label],
  ...['--pin-file', pinFile, '--so-pin-file', soPinFile, ...more],
];
/** The slots according to softhsm2-util. */
const slots = () => execFileSync('softhsm2-util', ['--show-slots']).toString();

/** Creates a token with a key. */
async function tokenWithKey(label: string): Promise<InitJson['token']> {
  const { token } = await runJson<InitJson>(init(label));
  const { keyFile, certificateFile } = makeSelfSigned(folder, 'device');
  await runJson([
    ...['token', 'import', ...module, '--slot-id', String(token.slotId), '--pin-file', pinFile],
    ...['--label', 'k', '--key', keyFile, '--certificate', certificateFile],
  ]);
  return token;
}

describe('token init', () => {
  it('initializes a token in the free slot, which other processes see under the reported id', async () => {
    const label = 'Gerät 1; 100% & so weiter';
    const { status, stdout, stderr } = await run(init(label));
    const slotId = new RegExp(
      `^initialized token "${label}" in slot (\\d+)\npkcs11:token=Ger%C3%A4t`,
    ).exec(stdout)?.[1];
    expect([stderr, status]).toEqual(['', 0]);
    expect(slots()).toMatch(
      new RegExp(`Slot ${slotId}\\n[\\s\\S]*?Initialized: +yes\\n[\\s\\S]*?Label: +${label} *\\n`),
    );
    expect(tokens.kinds(label)).toEqual([]);
  });

  it('initializes several tokens', async () => {
    const made = await Promise.all([runJson<InitJson>(init('first'))]);
    made.push(await runJson<InitJson>(init('second')));
    expect(new Set(made.map(({ token }) => token.slotId)).size).toBe(2);
    expect(made.map(({ erased }) => erased)).toEqual([false, false]);
  });

  it('rejects a label that another token has', async () => {
    await runJson(init('taken'));
    const { status, stderr } = await run(init('taken'));
    expect(stderr).toMatch(
      /already shows a token "taken", in slot \d+\n.*hint: .*--slot-id \d+ to erase/,
    );
    expect(status).toBe(1);
  });

  it.each([
    ['a label over 32 bytes', 'ü'.repeat(17), /1 to 32 bytes, and .* has 34/],
    ['an empty label', '', /1 to 32 bytes/],
  ])('refuses %s', async (_name, label, message) => {
    const before = slots();
    const { status, stderr } = await run(init(label));
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(slots()).toBe(before);
  });

  it('rejects a PIN that the token does not accept, before any change', async () => {
    const before = slots();
    const short = tokens.secretFile('short-pin', '#7x');
    const args = init('short').map((arg) => (arg === pinFile ? short : arg));
    const { status, stderr } = await run(args);
    expect(stderr).toMatch(
      /the user PIN is shorter or longer than this token accepts: 4 to 255 bytes/,
    );
    expect(status).toBe(2);
    expect(slots()).toBe(before);
  });

  it('does not erase a token without confirmation', async () => {
    const { slotId } = await tokenWithKey('kept');
    const { status, stderr } = await run(init('kept', '--slot-id', String(slotId)));
    expect(stderr).toMatch(
      /no terminal[\s\S]*hint: the token "kept" in slot \d+ shows 2 objects without a login, and may hold private objects; --yes/,
    );
    expect(status).toBe(1);
    const asked = await runOnTerminal(init('kept', '--slot-id', String(slotId)), [
      ['Type yes to continue: ', 'no\n'],
    ]);
    expect(asked.seen).toContain('The token "kept" in slot');
    expect(asked.stderr).toMatch(/it was not changed/);
    expect([asked.stdout, asked.status]).toEqual(['', 1]);
    expect(tokens.kinds('kept')).toEqual(['Certificate', ...KEY_PAIR]);
  });

  it('does not erase a token for a wrong SO PIN', async () => {
    const { slotId } = await tokenWithKey('guarded');
    const wrong = tokens.secretFile('wrong-so-pin', 'no such so pin');
    const args = init('guarded', '--slot-id', String(slotId), '--yes');
    const { status, stderr } = await run(args.map((arg) => (arg === soPinFile ? wrong : arg)));
    expect(stderr).toMatch(/C_InitToken returned CKR_PIN_INCORRECT for token "guarded"/);
    expect(stderr).toMatch(
      /hint: pass the current SO PIN of the token "guarded"; nothing was erased/,
    );
    expect(status).toBe(1);
    const again = await run(args.map((arg) => (arg === soPinFile ? wrong : arg)));
    expect(again.stderr).toMatch(/rejected this PIN on .*not tried again/);
    expect(tokens.kinds('guarded')).toEqual(['Certificate', ...KEY_PAIR]);
  });

  it('erases a token after confirmation, with --yes or on the terminal', async () => {
    const { slotId } = await tokenWithKey('erased');
    const args = init('renamed', '--slot-id', String(slotId));
    const { token, erased } = await runJson<InitJson>([...args, '--yes']);
    expect([token.label, erased]).toEqual(['renamed', true]);
    expect(tokens.kinds('renamed')).toEqual([]);
    const again = init('once more', '--slot-id', String(token.slotId));
    const asked = await runOnTerminal(again, [['Type yes to continue: ', 'yes\n']]);
    expect(asked.stdout).toMatch(/^initialized token "once more"/);
    expect([asked.stderr, asked.status]).toEqual(['', 0]);
  });

  it('names a missing slot', async () => {
    const { status, stderr } = await run(init('x', '--slot-id', '5'));
    expect(stderr).toMatch(/shows no token in slot 5; it has: \d+ \(/);
    expect(status).toBe(1);
  });

  it('asks for new PINs twice on the terminal, and does not show them', async () => {
    const { status, stdout, stderr, seen } = await runOnTerminal(
      ['token', 'init', ...module, '--label', 'asked'],
      [
        ['New PIN of token "asked": ', `${PIN}\n`],
        ['New PIN of token "asked", again: ', `${PIN}\n`],
        ['SO PIN of token "asked": ', '12345678\n'],
        ['SO PIN of token "asked", again: ', '12345678\n'],
      ],
    );
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/^initialized token "asked"/);
    expect(seen).not.toContain('initialized');
    expect(tokens.kinds('asked')).toEqual([]);
  });

  it('rejects a PIN whose two entries differ', async () => {
    const before = slots();
    const { status, stderr } = await runOnTerminal(
      ['token', 'init', ...module, '--label', 'differ', '--so-pin-file', soPinFile],
      [
        ['New PIN of token "differ": ', `${PIN}\n`],
        ['New PIN of token "differ", again: ', `${PIN}x\n`],
      ],
    );
    expect(stderr).toMatch(/the two entries do not match/);
    expect(status).toBe(2);
    expect(slots()).toBe(before);
  });
});
