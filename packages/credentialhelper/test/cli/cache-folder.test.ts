import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCacheFolder } from '../../src/cli/cache-folder.ts';
import { MAIN } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const inHome = (home: string) => join(home, '.cache', 'awsiot-credentialhelper', 'compiled');
const isRoot = process.getuid?.() === 0;
/** A user without an entry in the password file. */
const NOBODY = 54_321;

describe('a cache folder', () => {
  // Set one by one: where the home folder is, Node.js asks the system, which knows no other object.
  const set = (variables: Readonly<Record<string, string | undefined>>) => {
    for (const [name, value] of Object.entries(variables)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  const { HOME: home, XDG_CACHE_HOME: cache } = process.env;
  afterEach(() => set({ HOME: home, XDG_CACHE_HOME: cache }));
  const make = (HOME: string, XDG_CACHE_HOME: string | undefined) => {
    set({ HOME, XDG_CACHE_HOME });
    return makeCacheFolder('compiled');
  };

  it('is in the cache folder of the user, and for this user alone', () => {
    const home = join(folder, 'own');
    expect(make(home, undefined)).toBe(inHome(home));
    expect(statSync(inHome(home)).mode & 0o777).toBe(0o700);
    const cache = join(folder, 'cache');
    expect(make(home, cache)).toBe(join(cache, 'awsiot-credentialhelper', 'compiled'));
  });

  it.each(['', 'cache', './cache', '../cache'])(
    'is in the home folder where XDG_CACHE_HOME is %j',
    (cache) => {
      const home = join(folder, 'home');
      expect(make(home, cache)).toBe(inHome(home));
      expect(existsSync(join(cache, 'awsiot-credentialhelper'))).toBe(false);
    },
  );

  it.each([
    ['a home folder without a name', ''],
    ['a relative home folder', 'home'],
    ['a home folder in which nothing can be made', '/proc'],
    ['a home folder that is a file', join(folder, 'file')],
  ])('is none with %s', (_name, home) => {
    writeFileSync(join(folder, 'file'), '');
    expect(make(home, undefined)).toBeUndefined();
    expect(existsSync(join(home, '.cache'))).toBe(false);
  });

  it('is none if others may enter it', () => {
    const home = join(folder, 'open');
    mkdirSync(inHome(home), { recursive: true });
    chmodSync(inHome(home), 0o777);
    expect(make(home, undefined)).toBeUndefined();
  });

  it.runIf(isRoot)("is none where it is another user's", () => {
    const home = join(folder, 'other');
    mkdirSync(inHome(home), { recursive: true, mode: 0o700 });
    chownSync(inHome(home), NOBODY, NOBODY);
    expect(make(home, undefined)).toBeUndefined();
  });

  const canRead = isRoot && spawnSync('test', ['-r', MAIN], { uid: NOBODY }).status === 0;
  it.runIf(canRead)('is none for a user without a home folder', () => {
    const { HOME: _, XDG_CACHE_HOME: __, ...env } = process.env;
    const options = { uid: NOBODY, gid: NOBODY, env, cwd: '/', encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'credential-process'], options);
    expect(stderr).toMatch(/^awsiot-credentialhelper: error: not set: /);
    expect(status).toBe(2);
  });
});
