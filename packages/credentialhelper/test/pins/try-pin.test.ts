import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { beforeEach, describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../../src/errors.ts';
import { Secret } from '../../src/identity/secret.ts';
import { runtimeFolder } from '../../src/pins/folders.ts';
import { processRecords } from '../../src/pins/records.ts';
import { forgetPins, type PinAttempt, tryPin } from '../../src/pins/try-pin.ts';
import { errorOf } from '../support/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PIN = new Secret('hunter2');
const MINUTE = 60_000;
const warnings: string[] = [];
let logins = 0;

/** A login with this result of the token. */
const answer = (code?: 'ERR_PIN_INCORRECT' | 'ERR_PIN_LOCKED' | 'ERR_PKCS11') => () => {
  logins++;
  if (code !== undefined) throw new CredentialHelperError(`the token said ${code}`, { code });
};
const right = answer();
const wrong = answer('ERR_PIN_INCORRECT');

function attempt(stateFolder: string | undefined, changes: Partial<PinAttempt> = {}): PinAttempt {
  return {
    koffi,
    token: 'token',
    tokenName: 'token "t" in slot 1',
    pin: PIN,
    stateFolder,
    waitMs: 5000,
    warn: (message) => warnings.push(message),
    ...changes,
  };
}

beforeEach(() => {
  logins = 0;
  warnings.length = 0;
  process.env.XDG_RUNTIME_DIR = temporaryFolder();
  processRecords.forget('token');
});

const records = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.json'));

/** Changes the record of the only PIN. */
function changeRecord(folder: string, change: object): void {
  const file = join(folder, records(folder)[0] ?? '');
  const record = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...record, ...change }));
}

describe('tryPin', () => {
  it('tries a PIN that the token rejects once, also after the folder is opened again', async () => {
    const folder = join(temporaryFolder(), 'made', 'when needed');
    expect((await errorOf(() => tryPin(attempt(folder), wrong))).message).toBe(
      'the token said ERR_PIN_INCORRECT',
    );
    const error = await errorOf(() => tryPin(attempt(folder), right));
    expect(error.code).toBe('ERR_PIN_INCORRECT');
    expect(error.message).toMatch(
      /^token "t" in slot 1 rejected this PIN on \d{4}-.*not tried again: the token said/,
    );
    expect(logins).toBe(1);
    await tryPin(attempt(folder, { token: 'other token' }), right);
    await tryPin(attempt(folder, { pin: new Secret('hunter3') }), right);
    expect(logins).toBe(3);
    expect(warnings).toEqual([]);
  });

  it('tries again when the file that the hint names is deleted', async () => {
    const folder = temporaryFolder();
    await errorOf(() => tryPin(attempt(folder), wrong));
    const { hint } = await errorOf(() => tryPin(attempt(folder), right));
    rmSync(/delete (.*)$/.exec(hint ?? '')?.[1] ?? '');
    await tryPin(attempt(folder), right);
  });

  it('stores only hashes, readable by the owner alone, and nothing of the correct PIN', async () => {
    const folder = join(temporaryFolder(), 'state');
    await errorOf(() => tryPin(attempt(folder), wrong));
    await tryPin(attempt(folder, { pin: new Secret('hunter3') }), right);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(records(folder)).toHaveLength(1);
    for (const file of readdirSync(folder).map((name) => join(folder, name))) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(file + readFileSync(file, 'latin1')).not.toContain('hunter');
    }
  });

  it('treats a damaged record as a rejection', async () => {
    const folder = temporaryFolder();
    await errorOf(() => tryPin(attempt(folder), wrong));
    writeFileSync(join(folder, records(folder)[0] ?? ''), '{"state":');
    expect((await errorOf(() => tryPin(attempt(folder), right))).code).toBe('ERR_PIN_INCORRECT');
  });

  it.each(['ERR_PIN_LOCKED', 'ERR_PKCS11'] as const)(
    'remembers nothing if the token answers something else: %s',
    async (code) => {
      const folder = temporaryFolder();
      await errorOf(() => tryPin(attempt(folder), answer(code)));
      expect(records(folder)).toEqual([]);
      await tryPin(attempt(folder), right);
    },
  );

  it('deletes the records of a token after its PIN was set', async () => {
    const folder = temporaryFolder();
    await errorOf(() => tryPin(attempt(folder), wrong));
    await errorOf(() => tryPin(attempt(folder, { token: 'other token' }), wrong));
    forgetPins('token', folder);
    await tryPin(attempt(folder), right);
    const other = await errorOf(() => tryPin(attempt(folder, { token: 'other token' }), right));
    expect(other.code).toBe('ERR_PIN_INCORRECT');
  });
});

describe('a login without a response', () => {
  /** The record of a process that is killed during a login. */
  async function leaveUnanswered(folder: string): Promise<void> {
    await errorOf(() => tryPin(attempt(folder), wrong));
    changeRecord(folder, { state: 'tried' });
    logins = 0;
  }

  it('counts as a try for ten minutes, and for longer each time', async () => {
    const folder = temporaryFolder();
    await leaveUnanswered(folder);
    const error = await errorOf(() => tryPin(attempt(folder), right));
    expect(error.code).toBe('ERR_PIN_UNANSWERED');
    expect(error.hint).toContain(`delete ${folder}`);
    changeRecord(folder, { at: Date.now() - 11 * MINUTE, tries: 2 });
    expect((await errorOf(() => tryPin(attempt(folder), right))).code).toBe('ERR_PIN_UNANSWERED');
    expect(logins).toBe(0);
    changeRecord(folder, { at: Date.now() - 21 * MINUTE });
    await tryPin(attempt(folder), right);
    expect(records(folder)).toEqual([]);
  });

  it('does not block a PIN that this process knows to be correct', async () => {
    const folder = temporaryFolder();
    await leaveUnanswered(folder);
    processRecords.write('token', PIN, { state: 'accepted', at: 0, tries: 1, message: '' });
    await tryPin(attempt(folder), right);
  });

  it('does not block a PIN forever if the clock was set back', async () => {
    const folder = temporaryFolder();
    await leaveUnanswered(folder);
    changeRecord(folder, { at: Date.now() + 1000 * 24 * 60 * MINUTE });
    const { message } = await errorOf(() => tryPin(attempt(folder), right));
    const retryAt = Date.parse(/not tried again before (.*)$/.exec(message)?.[1] ?? '');
    expect(retryAt - Date.now()).toBeLessThan(11 * MINUTE);
    changeRecord(folder, { at: Date.now() - 11 * MINUTE });
    await tryPin(attempt(folder), right);
  });
});

describe('without a usable state folder', () => {
  it.each([
    ['none', () => undefined],
    ['a file', () => makeFile()],
    ['a file system that cannot hold folders', () => '/proc/none/state'],
  ])('the runtime folder remembers: %s', async (_name, folder) => {
    const stateFolder = folder();
    await errorOf(() => tryPin(attempt(stateFolder), wrong));
    const error = await errorOf(() => tryPin(attempt(stateFolder), right));
    expect(error.code).toBe('ERR_PIN_INCORRECT');
    expect(error.hint).toContain(`${process.env.XDG_RUNTIME_DIR}/awsiot-credentialhelper/`);
    const expected =
      stateFolder === undefined ? [] : [expect.stringContaining('cannot remember in')];
    expect(warnings).toEqual(expected);
  });

  function makeFile(): string {
    const file = join(temporaryFolder(), 'a-file');
    writeFileSync(file, '');
    chmodSync(file, 0o400);
    return join(file, 'state');
  }
});

describe('runtimeFolder', () => {
  const withTemporaryFolder = (parent: string): string => {
    process.env.XDG_RUNTIME_DIR = '/proc/none';
    process.env.TMPDIR = parent;
    return runtimeFolder();
  };
  const uid = process.getuid?.();

  it('is the same for all processes of a user, and for the user alone', () => {
    const parent = temporaryFolder();
    const folder = withTemporaryFolder(parent);
    expect(folder).toBe(join(parent, `awsiot-credentialhelper-${uid}-0`));
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
    expect(withTemporaryFolder(parent)).toBe(folder);
  });

  it('skips files of other users with its name', () => {
    const parent = temporaryFolder();
    const elsewhere = temporaryFolder();
    const name = (number: number) => join(parent, `awsiot-credentialhelper-${uid}-${number}`);
    symlinkSync(elsewhere, name(0));
    writeFileSync(name(1), '');
    mkdirSync(name(2));
    chmodSync(name(2), 0o777);
    const folder = withTemporaryFolder(parent);
    expect(folder).toBe(name(3));
    // The obstacle is removed: the folder stays the same.
    rmSync(name(0));
    expect(withTemporaryFolder(parent)).toBe(folder);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('does not use a runtime folder of another user', () => {
    const parent = temporaryFolder();
    const open = temporaryFolder();
    chmodSync(open, 0o755);
    process.env.XDG_RUNTIME_DIR = open;
    process.env.TMPDIR = parent;
    expect(runtimeFolder()).toContain(parent);
  });
});
