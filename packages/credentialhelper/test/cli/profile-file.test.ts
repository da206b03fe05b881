import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSharedConfigFiles } from '@smithy/core/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProfileFile } from '../../src/cli/profiles/profile-file.ts';
import { changeSection } from '../../src/cli/profiles/section.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;
const write = (text: string, mode = 0o600) => {
  const file = join(folder, `config-${++files}`);
  writeFileSync(file, text, { mode });
  return file;
};
const change = (text: string, values: Readonly<Record<string, string | undefined>>) =>
  changeSection(text, { headers: ['profile mine'], values: new Map(Object.entries(values)) });
const set = (file: string, values: Readonly<Record<string, string | undefined>>, name = 'mine') =>
  new ProfileFile('config', file).write(name, () => new Map(Object.entries(values)));

describe('a change of a section', () => {
  it.each([
    ['an empty file', '', '[profile mine]\nkey = new\n'],
    [
      'a file without a last line end',
      '[default]\na=1',
      '[default]\na=1\n\n[profile mine]\nkey = new\n',
    ],
    [
      'Windows line ends',
      '[default]\r\na=1\r\n',
      '[default]\r\na=1\r\n\r\n[profile mine]\r\nkey = new\r\n',
    ],
    [
      'a key in place',
      '[profile mine]\na=1\n  key=old # why\nkey=old\nb = 2\n',
      '[profile mine]\na=1\n  key=old # why\nkey = new\nb = 2\n',
    ],
    ['the same value in another form', '[profile mine]\nkey=new\n', '[profile mine]\nkey=new\n'],
    [
      'a new key before the comments of the next section',
      '# x\n[profile mine] ; mine\na = 1\n\n# next\n[profile other]\nkey = 2\n',
      '# x\n[profile mine] ; mine\na = 1\nkey = new\n\n# next\n[profile other]\nkey = 2\n',
    ],
    ['a quoted header', '[profile "mine"]\n', '[profile "mine"]\nkey = new\n'],
    [
      'nested keys',
      '[profile mine]\ns3 =\n  key = nested\n',
      '[profile mine]\ns3 =\n  key = nested\nkey = new\n',
    ],
  ])('writes to %s', (_name, before, after) => {
    expect(change(before, { key: 'new' })).toBe(after);
    expect(change(after, { key: 'new' })).toBe(after);
  });

  it('removes a key', () => {
    expect(change('[profile mine]\na=1\nkey=2\n# end\n', { key: undefined })).toBe(
      '[profile mine]\na=1\n# end\n',
    );
  });
});

/** Lines of files as people write them. */
const line = fc.oneof(
  fc.constantFrom(
    '',
    '# a comment',
    '; another',
    'a = 1',
    'b=2',
    'key = old',
    's3 =',
    '  nested = 3',
    '\tkey = nested',
    'a = 1 # x',
    'é = ü',
    '[default]',
    '[profile mine]',
    '[profile other]',
    '[ profile mine ]',
    '[profile "mine"] # x',
    '[sso-session s]',
    '[mine]',
    'garbage',
    '=',
    '[broken',
  ),
  fc.string({ maxLength: 12 }).filter((text) => !/[\r\n]/.test(text)),
);
const file = fc
  .tuple(fc.array(line, { maxLength: 14 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([lines, end, isEnded]) => lines.join(end) + (isEnded ? end : ''));

describe('a write of a profile', () => {
  const parse = async (path: string) =>
    (await loadSharedConfigFiles({ configFilepath: path, filepath: '/none', ignoreCache: true }))
      .configFile;

  it('makes the SDK read what was written, and everything else as before, or changes nothing', async () => {
    let written = 0;
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.constantFrom('new', 'x y', 'old', 'a # b', 'a=b'),
        async (text, value) => {
          const path = write(text);
          const before = await parse(path);
          try {
            await set(path, { key: value });
          } catch (error) {
            expect((error as Error).name).toBe('UsageError');
            expect(readFileSync(path, 'utf8')).toBe(text);
            return;
          }
          written++;
          const after = await parse(path);
          expect(after).toEqual({ ...before, mine: { ...before.mine, key: value } });
          // Of the lines of the file, only those of the key are missing.
          const left = readFileSync(path, 'utf8').split(/\r?\n/);
          for (const kept of text.split(/\r?\n/).filter((one) => !/^key\s*=/.test(one))) {
            expect(left).toContain(kept);
          }
          expect(await set(path, { key: value })).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
    expect(written).toBeGreaterThan(100);
  });

  it('keeps bytes that are not UTF-8, the mode, and a link', async () => {
    const target = write('', 0o640);
    const bytes = Buffer.concat([Buffer.from('# \xff\xfe\n[default]\na = \xe9\n', 'latin1')]);
    writeFileSync(target, bytes);
    const link = join(folder, 'link');
    symlinkSync(target, link);
    await set(link, { key: 'ü' });
    const after = readFileSync(target);
    expect(after.subarray(0, bytes.length).equals(bytes)).toBe(true);
    expect(after.subarray(bytes.length).toString('utf8')).toBe('\n[profile mine]\nkey = ü\n');
    expect(statSync(target).mode & 0o777).toBe(0o640);
  });

  it('creates file and folder for this user alone', async () => {
    const path = join(folder, 'new/.aws/config');
    await set(path, { key: 'new' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'new/.aws')).mode & 0o777).toBe(0o700);
  });

  it('knows the two names of the default profile', async () => {
    const path = write('[profile default]\nkey = 1\n');
    await set(path, { key: '2' }, 'default');
    expect(readFileSync(path, 'utf8')).toBe('[profile default]\nkey = 2\n');
    const other = write('');
    await set(other, { key: '2' }, 'default');
    expect(readFileSync(other, 'utf8')).toBe('[default]\nkey = 2\n');
  });

  it.each([
    ['a value that the SDKs cut', '', { key: 'a # b' }],
    ['a header that the SDKs do not read', '[ profile mine ]\nkey = 1\n', { key: '1' }],
    ['a value of two lines', '', { key: 'a\n[profile evil]\nb = 1' }],
    ['a profile that occurs twice', '[profile mine]\na=1\n[profile mine]\nkey = 3\n', { key: '4' }],
  ])('refuses %s', async (_name, text, values) => {
    const path = write(text);
    await expect(set(path, values)).rejects.toThrow(/would not read key of profile|something else/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('refuses a name that the SDKs cannot read, and a folder', async () => {
    await expect(set(write(''), { key: '1' }, 'my thing')).rejects.toThrow(
      'the name of the profile',
    );
    mkdirSync(join(folder, 'folder'));
    await expect(set(join(folder, 'folder'), { key: '1' })).rejects.toThrow(
      'is not a regular file',
    );
  });

  it('never replaces a device or a pipe: it has no profiles', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await new ProfileFile('config', pipe).read()).toEqual({});
    await expect(set(pipe, { key: '1' })).rejects.toThrow('is not a regular file');
    expect(statSync(pipe).isFIFO()).toBe(true);
    const link = join(folder, 'link-to-pipe');
    symlinkSync(pipe, link);
    await expect(set(link, { key: '1' })).rejects.toThrow('is not a regular file');
    expect(statSync(pipe).isFIFO()).toBe(true);
  });
});
