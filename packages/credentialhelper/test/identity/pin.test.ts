import { execFileSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { openPinSource, type PinSource, parsePinSource } from '../../src/identity/pin.ts';
import { childEnvironment } from '../../src/process/program.ts';
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

  it('distinguishes a PIN pad from no PIN', async () => {
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

  it('keeps the environment variable that it reads from child processes', () => {
    process.env.PIN_TO_HIDE = PIN;
    expect(childEnvironment()).toHaveProperty('PIN_TO_HIDE');
    open({ environmentVariable: 'PIN_TO_HIDE' });
    expect(childEnvironment()).not.toHaveProperty('PIN_TO_HIDE');
  });

  it('warns about a file that other users can read', async () => {
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

  it.each([
    ['a byte order mark', '\ufeff1234'],
    ['UTF-16', Buffer.from('\ufeff1234\r\n', 'utf16le')],
    ['bytes that are no UTF-8', Buffer.from([0x31, 0xff])],
    ['a blank at the end', '1234 \n'],
    ['a tab at the end', '1234\t'],
    ['a blank in front', ' 1234'],
    ['a zero-width space', '1234\u200b'],
    ['a carriage return alone', '1234\r'],
    ['two line ends', '1234\n\n'],
    ['two lines', '1234\n5678\n'],
  ])('refuses a file with %s, and says so', async (_name, content) => {
    const file = join(folder, 'odd-pin');
    writeFileSync(file, content, { mode: 0o600 });
    const error = await errorOf(() => open({ file }));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toMatch(/begins with|ends with|more than one line|UTF-/);
    expect(inspect(error)).not.toContain('1234');
  });

  it.each([
    ['text', (pin: string) => pin],
    ['a function', (pin: string) => () => pin],
    [
      'an environment variable',
      (pin: string) => {
        process.env.ODD_PIN = pin;
        return { environmentVariable: 'ODD_PIN' };
      },
    ],
  ])('refuses the same in %s', async (_name, source) => {
    const odd = ['\ufeffhunter', 'hunter ', 'hunter\r', 'hunter\n', 'x\nhunter'];
    for (const pin of odd) {
      const error = await errorOf(() => read(source(pin)));
      expect(error.code).toBe('ERR_INVALID_OPTION');
      expect(inspect(error)).not.toContain('hunter');
    }
  });

  it('reads a file by its URL', async () => {
    expect(await read({ file: pathToFileURL(pinFile(PIN)) })).toBe(PIN);
  });

  it('reads a pipe once, with a timeout', async () => {
    const path = join(folder, 'pin-fifo');
    execFileSync('mkfifo', [path]);
    const reader = open({ file: path });
    expect((await errorOf(() => reader.read(100))).message).toContain('within 100 ms');
    const reading = reader.read(5000);
    writeFileSync(path, `${PIN}\n`);
    expect((await reading)?.reveal()).toBe(PIN);
    expect((await reader.read(100))?.reveal()).toBe(PIN);
  });

  it('names a function that fails, and one that times out', async () => {
    const failing = open(() => {
      throw new TypeError('vault is sealed');
    });
    const error = await errorOf(() => failing.read(100));
    expect([error.code, (error.cause as Error).message]).toEqual([
      'ERR_SECRET_SOURCE',
      'vault is sealed',
    ]);
    const rejecting = open(() => Promise.reject(new Error('no')));
    expect((await errorOf(() => rejecting.read(100))).code).toBe('ERR_SECRET_SOURCE');
    const silent = open(() => new Promise(() => {}));
    const late = await errorOf(() => silent.read(100));
    expect(late.code).toBe('ERR_SECRET_SOURCE');
    expect(late.message).toContain('within 100 ms');
  });

  it.each([
    ['a file', { file: 'hunter-1234' }],
    ['an environment variable', { environmentVariable: 'hunter-1234' }],
    ['a credential', { systemdCredential: 'hunter-1234' }],
  ])('does not show what may be the PIN in the place of the name of %s', async (_name, source) => {
    process.env.CREDENTIALS_DIRECTORY = folder;
    const error = await errorOf(() => open(source));
    expect(error.message).toContain('of 11 characters');
    expect(inspect(error)).not.toContain('hunter');
  });

  it('rejects a file descriptor that is not open', async () => {
    const error = await errorOf(() => read({ fileDescriptor: 987 }));
    expect(error.message).toContain('it is not open for reading');
  });

  it('rejects an empty and a missing file at once', async () => {
    expect((await errorOf(() => open({ file: pinFile('\n') }))).message).toContain('is empty');
    const error = await errorOf(() => open({ file: join(folder, 'nope') }));
    expect(error.code).toBe('ERR_FILE_UNREADABLE');
    expect(error.message).toContain('nope');
  });

  it('reports what is missing without systemd credentials', async () => {
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
    ['|cat /etc/pin', { command: 'cat /etc/pin' }],
  ])('%s', (text, source) => {
    expect(parsePinSource(text, 'userPin')).toEqual(source);
  });

  it.each(['', 'https://example.com/pin', 'fd:x', 'file://host/etc/pin'])(
    'rejects %j',
    async (text) => {
      expect((await errorOf(() => parsePinSource(text, 'userPin'))).code).toBe(
        'ERR_INVALID_OPTION',
      );
    },
  );
});
