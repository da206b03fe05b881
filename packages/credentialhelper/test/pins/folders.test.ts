import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runtimeFolder } from '../../src/pins/folders.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const { TMPDIR, XDG_RUNTIME_DIR } = process.env;

// One by one: Node.js itself does not use a replaced "process.env".
afterEach(() => {
  for (const [name, value] of Object.entries({ TMPDIR, XDG_RUNTIME_DIR })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

describe('runtimeFolder', () => {
  it('is accessible to this user alone, and the same each time', () => {
    delete process.env.XDG_RUNTIME_DIR;
    process.env.TMPDIR = folder;
    const own = runtimeFolder();
    expect(own.startsWith(join(folder, 'awsiot-credentialhelper-'))).toBe(true);
    expect(runtimeFolder()).toBe(own);
  });

  it('is another if the name is taken by a folder that other users can enter', () => {
    delete process.env.XDG_RUNTIME_DIR;
    const taken = join(folder, 'taken');
    const name = `awsiot-credentialhelper-${process.getuid?.()}-`;
    mkdirSync(join(taken, `${name}0`), { recursive: true });
    process.env.TMPDIR = taken;
    expect(runtimeFolder()).toBe(join(taken, `${name}1`));
  });
});
