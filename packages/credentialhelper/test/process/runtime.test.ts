import { afterEach, describe, expect, it } from 'vitest';
import { applicationKind, isSingleExecutable, otherRuntime } from '../../src/process/runtime.ts';

const { execPath, versions } = process;
afterEach(() => {
  process.execPath = execPath;
  Object.defineProperty(process, 'versions', { value: versions });
});

describe('the program of this process', () => {
  it.each([
    'node',
    'nodejs',
    'node22',
    'node-22',
    'node-v22.1.0',
    'node_g',
    'node.exe',
    'NODE.EXE',
  ])('is Node.js if it is called %s', (name) => {
    process.execPath = `/usr/bin/${name}`;
    expect(applicationKind()).toBeUndefined();
  });

  it.each(['application', 'node-red', 'nodemon', 'my-node', 'node.js.app', 'electron'])(
    'is an application if it is called %s',
    (name) => {
      process.execPath = `/usr/bin/${name}`;
      expect(applicationKind()).toBe('an application with Node.js built in');
    },
  );

  it('is an application under pkg', () => {
    Object.assign(process, { pkg: {} });
    try {
      expect(applicationKind()).toBe('an application with Node.js built in');
    } finally {
      Reflect.deleteProperty(process, 'pkg');
    }
  });

  it.each(['Electron', 'Bun', 'Deno'])('may be %s', (name) => {
    const value = { ...versions, [name.toLowerCase()]: '1.0.0' };
    Object.defineProperty(process, 'versions', { value });
    expect(otherRuntime()).toBe(name);
    expect(applicationKind()).toBe(name);
  });

  it('is neither a single executable application here, nor another runtime', () => {
    expect(isSingleExecutable()).toBe(false);
    expect(otherRuntime()).toBeUndefined();
  });
});
