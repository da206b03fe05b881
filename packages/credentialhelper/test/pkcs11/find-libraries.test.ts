import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findModules } from '../../src/pkcs11/find-libraries.ts';
import { SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { makeFolder } from '../support/token.ts';

const home = temporaryFolder();
const modules = makeFolder(home, '.config/pkcs11/modules');

/** Configures a module for the user. */
function configure(name: string, text: string): string {
  const file = join(modules, name);
  writeFileSync(file, text);
  return file;
}

describe('findModules', () => {
  it("reads p11-kit's files: comments, blanks, relative paths", () => {
    const own = configure('own.module', '# module: /wrong\n  module :  /there/is/none.so  \r\n');
    const relative = configure('relative.module', 'priority: 1\nmodule: nowhere.so\n');
    const found = findModules(home);
    expect(found.filter(({ foundBy }) => foundBy === own)).toEqual([
      { path: '/there/is/none.so', exists: false, foundBy: own, trustPolicy: false },
    ]);
    expect(found.find(({ foundBy }) => foundBy === relative)).toMatchObject({ exists: false });
  });

  it('skips files without configuration', () => {
    const empty = configure('empty.module', 'priority: 1\n');
    const other = configure('other.txt', 'module: /x.so\n');
    expect(findModules(home).map(({ foundBy }) => foundBy)).not.toEqual(
      expect.arrayContaining([empty]),
    );
    expect(findModules(home).some(({ foundBy }) => foundBy === other)).toBe(false);
  });

  it("lets the user's file go before the system's of the same name", () => {
    const own = configure('p11-kit-trust.module', 'module: /own/trust.so\ntrust-policy: yes\n');
    const found = findModules(home);
    expect(found.find(({ path }) => path === '/own/trust.so')).toMatchObject({
      foundBy: own,
      trustPolicy: true,
    });
    expect(found.some(({ path }) => path.endsWith('p11-kit-trust.so'))).toBe(false);
  });

  it('finds NSS, which is not in the configuration of p11-kit', () => {
    const found = findModules(home).find(({ path }) => path.endsWith('/libsoftokn3.so'));
    expect(found).toMatchObject({ exists: true, foundBy: 'well-known path' });
  });

  it('lists a library once, even if it is found in several ways', () => {
    configure('again.module', `module: ${SOFTHSM_LIBRARY}\n`);
    const found = findModules(home).filter(({ path }) => path.endsWith('libsofthsm2.so'));
    expect(found).toHaveLength(1);
    expect(found[0]?.exists).toBe(true);
  });
});
