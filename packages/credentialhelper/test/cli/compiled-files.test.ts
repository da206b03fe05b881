import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CompiledFiles } from '../../src/cli/compiled-files.ts';
import { storeCompiled } from '../../src/cli/store-compiled.ts';
import { run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

let program = '';
let cache = '';
let count = 0;
beforeEach(() => {
  program = join(folder, `program-${++count}`);
  cache = join(folder, `cache-${count}`);
  mkdirSync(program);
  mkdirSync(cache);
  write('answer.js', 'exports.answer = () => 42;');
});
const write = (name: string, source: string) => writeFileSync(join(program, name), source);
const open = (folder: string | undefined) =>
  new CompiledFiles(program, createRequire(join(program, 'main.js')), folder);
const openFiles = () => open(cache);

const areStored = (files: CompiledFiles) => files.missing().length === 0;

/** Loads a file, calls what it exports, and stores what was compiled. */
async function answerOf(files: CompiledFiles): Promise<unknown> {
  const { answer } = files.load('./answer.js') as { answer(): unknown };
  const value = answer();
  await storeCompiled(files.missing());
  return value;
}

/** The only entry of the cache. */
function entry(): string {
  const [name, ...others] = readdirSync(cache);
  expect(others).toEqual([]);
  return join(cache, String(name));
}

describe('files of the program', () => {
  it('are loaded with the code that was stored, which is written once', async () => {
    const first = openFiles();
    expect(await answerOf(first)).toBe(42);
    expect(areStored(first)).toBe(false);
    const { ino, mode } = statSync(entry());
    expect(mode & 0o777).toBe(0o600);
    const second = openFiles();
    expect(await answerOf(second)).toBe(42);
    expect(areStored(second)).toBe(true);
    expect(statSync(entry()).ino).toBe(ino);
  });

  it('load each other once, also in a circle, and packages of Node.js', () => {
    write(
      'start.js',
      `exports.early = 'early';
       exports.other = require('./other.js');
       exports.same = require('./other.js') === exports.other;
       exports.places = [__filename, __dirname];
       exports.platform = require('node:os').platform();`,
    );
    write('other.js', "exports.seen = { ...require('./start.js') };");
    expect(openFiles().load('./start.js')).toEqual({
      early: 'early',
      other: { seen: { early: 'early' } },
      same: true,
      places: [join(program, 'start.js'), program],
      platform: process.platform,
    });
  });

  it('take effect when they are changed, also to others of the same length', async () => {
    await answerOf(openFiles());
    write('answer.js', 'exports.answer = () => 43;');
    expect(await answerOf(openFiles())).toBe(43);
    expect(await answerOf(openFiles())).toBe(43);
  });

  it.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is half of it', (content: Buffer) => content.subarray(0, content.length / 2)],
    ['is zeros', (content: Buffer) => Buffer.alloc(content.length)],
    ['is something else', () => Buffer.from('something else')],
  ])('are compiled again if what was stored %s', async (_name, damage) => {
    await answerOf(openFiles());
    writeFileSync(entry(), damage(readFileSync(entry())));
    const files = openFiles();
    expect(await answerOf(files)).toBe(42);
    expect(areStored(files)).toBe(false);
    const next = openFiles();
    expect([await answerOf(next), areStored(next)]).toEqual([42, true]);
  });

  it('are compiled again if any byte of what was stored is another', async () => {
    await answerOf(openFiles());
    const intact = readFileSync(entry());
    for (let i = 0; i < intact.length; i++) {
      const damaged = Buffer.from(intact);
      damaged[i] = Number(intact[i]) ^ 0x55;
      writeFileSync(entry(), damaged);
      const files = openFiles();
      files.load('./answer.js');
      expect([i, areStored(files)]).toEqual([i, false]);
    }
  });

  it.each([
    ['cannot be written', () => mkdirSync(entryToCome())],
    ['is gone', () => (cache = join(cache, 'none'))],
  ])('are loaded if the cache %s', async (_name, prepare) => {
    prepare();
    expect(await answerOf(openFiles())).toBe(42);
  });

  /** The path of the entry, which is not there yet. */
  function entryToCome(): string {
    const files = openFiles();
    files.load('./answer.js');
    return String(files.missing()[0]?.entry);
  }

  it('of versions that are no longer used are removed from the cache', async () => {
    const monthAgo = Date.now() / 1000 - 31 * 24 * 60 * 60;
    for (const name of ['old', 'recent']) writeFileSync(join(cache, name), '');
    utimesSync(join(cache, 'old'), monthAgo, monthAgo);
    await answerOf(openFiles());
    expect(readdirSync(cache)).toHaveLength(2);
    expect(readdirSync(cache)).toContain('recent');
  });

  it('are loaded by Node.js without a cache', async () => {
    const files = open(undefined);
    expect(await answerOf(files)).toBe(42);
    expect(files.missing()).toEqual([]);
  });

  it('throw their errors', () => {
    write('answer.js', "throw new TypeError('no answer');");
    expect(() => openFiles().load('./answer.js')).toThrow(new TypeError('no answer'));
  });
});

describe('the command line', async () => {
  const aws = await startEmulator();
  afterAll(() => aws.close());
  const device = await createDevice(aws, folder);
  const compiled = () => join(cache, 'awsiot-credentialhelper', 'compiled');
  const env = () => ({ ...device.env, XDG_CACHE_HOME: cache });
  const stored = () =>
    Object.fromEntries(
      readdirSync(compiled()).map((name) => [name, statSync(join(compiled(), name)).ino]),
    );
  const fetchCredentials = async () => {
    const result = await run(['credential-process', '--no-cache'], { env: env() });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    return JSON.parse(result.stdout) as { SecretAccessKey: string };
  };

  it('stores its code with the first call, without secrets, and uses it with the next', async () => {
    const { SecretAccessKey } = await fetchCredentials();
    const before = stored();
    expect(Object.keys(before).some((name) => name.endsWith('-start.js'))).toBe(true);
    for (const name of Object.keys(before)) {
      expect(readFileSync(join(compiled(), name)).includes(SecretAccessKey)).toBe(false);
    }
    await fetchCredentials();
    expect(stored()).toEqual(before);
  });

  it('stores nothing after a failure, or a call that did not fetch credentials', async () => {
    for (const [args, expected] of [
      [['--no-cache', '--role-alias', 'none'], 1],
      [['--help'], 0],
    ] as const) {
      const { status } = await run(['credential-process', ...args], { env: env() });
      expect(status).toBe(expected);
      expect(readdirSync(compiled())).toEqual([]);
    }
  });

  it('starts with a cache folder that cannot be made', async () => {
    cache = '/proc/none/cache';
    await fetchCredentials();
    expect(existsSync(compiled())).toBe(false);
  });

  it('stores for other flags of V8 apart', async () => {
    await fetchCredentials();
    const before = stored();
    const NODE_OPTIONS = '--stack-trace-limit=5 --max-old-space-size=200';
    const { status, stderr } = await run(['credential-process', '--no-cache'], {
      env: { ...env(), NODE_OPTIONS },
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stored()).toMatchObject(before);
    expect(Object.keys(stored()).length).toBe(2 * Object.keys(before).length);
  });

  it('leaves whole entries and no other files after 20 first calls at once', async () => {
    await Promise.all(Array.from({ length: 20 }, fetchCredentials));
    await Promise.all(
      Array.from({ length: 20 }, () => run(['credential-process'], { env: env() })),
    );
    const before = stored();
    expect(Object.keys(before).filter((name) => !name.endsWith('.js'))).toEqual([]);
    await fetchCredentials();
    expect(stored()).toEqual(before);
  });
});
