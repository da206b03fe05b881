import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { openPinSource, type PinSource, parsePinSource } from '../../src/identity/pin.ts';
import { errorOf } from '../support/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const PIN = 'p:ü 1';

/** Writes a PIN file that only its owner can read. */
function pinFile(text: string, mode = 0o600): string {
  const file = join(folder, `pin-${Math.random().toString(36).slice(2)}`);
  writeFileSync(file, text, { mode });
  return file;
}

const warnings: string[] = [];
const open = (source: unknown) =>
  openPinSource(source as PinSource, 'userPin', (message) => warnings.push(message));
const read = async (source: unknown) => (await open(source).read(1000))?.reveal();

afterEach(() => {
  warnings.length = 0;
});

describe('openPinSource', () => {
  it.each([
    ['text', () => PIN],
    ['a file', () => ({ file: pinFile(PIN) })],
    ['a file with a line break', () => ({ file: pinFile(`${PIN}\n`) })],
    ['a file with a line break of Windows', () => ({ file: pinFile(`${PIN}\r\n`) })],
    ['a file descriptor', () => ({ fileDescriptor: openSync(pinFile(`${PIN}\n`), 'r') })],
    ['a function', () => () => PIN],
    ['a function that takes its time', () => async () => PIN],
    [
      'an environment variable',
      () => {
        process.env.TEST_PIN = PIN;
        return { environmentVariable: 'TEST_PIN' };
      },
    ],
    [
      'a systemd credential',
      () => {
        process.env.CREDENTIALS_DIRECTORY = folder;
        writeFileSync(join(folder, 'the-pin'), `${PIN}\n`);
        return { systemdCredential: 'the-pin' };
      },
    ],
  ])('reads %s', async (_name, source) => {
    expect(await read(source())).toBe(PIN);
    expect(warnings).toEqual([]);
  });

  it('tells a PIN pad from no PIN', async () => {
    expect(await open(null).read(1000)).toBeNull();
    expect(await open(undefined).read(1000)).toBeUndefined();
  });

  it('reads a file again each time, and a file descriptor once', async () => {
    const file = pinFile('1111');
    const fromFile = open({ file });
    const fromDescriptor = open({ fileDescriptor: openSync(file, 'r') });
    expect((await fromDescriptor.read(1000))?.reveal()).toBe('1111');
    writeFileSync(file, '2222');
    expect((await fromFile.read(1000))?.reveal()).toBe('2222');
    expect((await fromDescriptor.read(1000))?.reveal()).toBe('1111');
  });

  it('names the environment variable that must be hidden from children', () => {
    process.env.TEST_PIN = PIN;
    expect(open({ environmentVariable: 'TEST_PIN' }).environmentVariable).toBe('TEST_PIN');
    expect(open(PIN).environmentVariable).toBeUndefined();
  });

  it('warns of a file that others can read', async () => {
    const file = pinFile(PIN, 0o644);
    expect(await read({ file })).toBe(PIN);
    expect(warnings.join()).toContain(file);
    expect(warnings.join()).not.toContain(PIN);
  });

  it.each([
    ['an empty PIN', ''],
    ['a number', 1234],
    ['an empty object', {}],
    ['an unknown place', { path: 'x' }],
    ['two places', { file: 'x', environmentVariable: 'y' }],
    ['a file without a name', { file: '' }],
    ['a descriptor that is none', { fileDescriptor: -1 }],
    ['a descriptor as text', { fileDescriptor: '0' }],
    ['an environment variable that is not set', { environmentVariable: 'NOT_SET_ANYWHERE' }],
    ['a credential that is a path', { systemdCredential: '../x' }],
    ['a function that gives no text', () => 1234],
    ['a function that gives nothing', () => undefined],
  ])('refuses %s', async (_name, source) => {
    expect((await errorOf(() => read(source))).code).toBe('ERR_INVALID_OPTION');
  });

  it('refuses a file that is empty, and one that is not there, at once', async () => {
    expect((await errorOf(() => open({ file: pinFile('\n') }))).message).toContain('is empty');
    const error = await errorOf(() => open({ file: join(folder, 'nope') }));
    expect(error.code).toBe('ERR_FILE_UNREADABLE');
    expect(error.message).toContain('nope');
  });

  it('says what is missing where there are no systemd credentials', async () => {
    delete process.env.CREDENTIALS_DIRECTORY;
    const error = await errorOf(() => open({ systemdCredential: 'the-pin' }));
    expect(error.hint).toContain('LoadCredential=NAME:PATH');
  });

  it('never shows a PIN', () => {
    expect(inspect(open(PIN), { depth: 9, showHidden: true })).not.toContain(PIN);
  });
});

describe('parsePinSource', () => {
  it.each<[string, PinSource]>([
    ['/etc/pin', { file: '/etc/pin' }],
    ['pin.txt', { file: 'pin.txt' }],
    ['file:/etc/pin', { file: '/etc/pin' }],
    ['file:///etc/a%20pin', { file: '/etc/a pin' }],
    ['env:PIN', { environmentVariable: 'PIN' }],
    ['credential:pin', { systemdCredential: 'pin' }],
    ['fd:3', { fileDescriptor: 3 }],
  ])('%s', (text, source) => {
    expect(parsePinSource(text, 'userPin')).toEqual(source);
  });

  it.each(['', '|/bin/cat /etc/pin', 'https://example.com/pin', 'fd:x', 'file://host/etc/pin'])(
    'refuses %j',
    async (text) => {
      expect((await errorOf(() => parsePinSource(text, 'userPin'))).code).toBe(
        'ERR_INVALID_OPTION',
      );
    },
  );
});
