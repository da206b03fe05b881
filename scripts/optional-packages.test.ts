import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('optional-packages.mjs', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const parent = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-optional-'));
afterAll(() => rmSync(parent, { recursive: true }));

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

/** The output of the script for a folder with this lock file, with only these packages installed. */
function check(packages: object, installed: readonly string[]) {
  const folder = mkdtempSync(join(parent, 'project-'));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  for (const name of installed) {
    const path = join(folder, 'node_modules', name);
    mkdirSync(path, { recursive: true });
    cpSync(join(root, 'node_modules', name, 'package.json'), join(path, 'package.json'));
  }
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  return { status, stderr };
}

describe('optional packages', () => {
  it('are all here', () => {
    expect(spawnSync(process.execPath, [SCRIPT], { encoding: 'utf8' })).toMatchObject({
      ...{ status: 0, stderr: '' },
    });
  });

  it.each([
    ['koffi', '@koromix/koffi-'],
    ['esbuild', '@esbuild/'],
    ['@biomejs/biome', '@biomejs/cli-'],
  ])('the one of %s for this platform is named if it is lost, and no other', (name, prefix) => {
    const { status, stderr } = check(lock.packages, [name]);
    expect(status).toBe(1);
    const [, lost = ''] =
      /needs: (.*)\. Run:\n {2}rm -rf node_modules && npm ci /.exec(stderr) ?? [];
    expect(lost).toMatch(new RegExp(`^${prefix}${process.platform}-${process.arch}`));
    expect(check(lock.packages, [name, lost])).toEqual({ status: 0, stderr: '' });
  });

  it('that are missing in the lock file are named', () => {
    const { 'node_modules/@esbuild/aix-ppc64': _, ...packages } = lock.packages;
    const { status, stderr } = check(packages, [
      'esbuild',
      `@esbuild/${process.platform}-${process.arch}`,
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('package-lock.json lacks optional packages: @esbuild/aix-ppc64.');
  });
});
