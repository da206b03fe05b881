import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { makeThings } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-lock-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

describe('a folder', () => {
  it('is locked by one process at a time, and a stale lock is taken over', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    await expect(startEmulator({ dir })).rejects.toThrow(/is in use by process \d+/);
    expect(statSync(join(dir, 'running.json')).mode & 0o777).toBe(0o600);
    await aws.close();
    const child = makeThings(dir, 'dying');
    await once(createInterface({ input: child.stdout ?? process.stdin }), 'line');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await startEmulator({ dir })).close();
  });

  it('is taken over from a dead process with the same id, as in a container', async () => {
    const dir = newFolder();
    await (await startEmulator({ dir })).close();
    writeFileSync(join(dir, 'running.json'), JSON.stringify({ pid: process.pid }));
    const aws = await startEmulator({ dir });
    await expect(startEmulator({ dir })).rejects.toThrow('is in use by process');
    await aws.close();
  });

  it('is not shared by two processes that took it over at the same time', async () => {
    const dir = newFolder();
    await (await startEmulator({ dir })).close();
    const file = join(dir, 'running.json');
    const starting = startEmulator({ dir });
    // The other one: a process that is alive.
    writeFileSync(file, JSON.stringify({ pid: process.ppid }));
    await expect(starting).rejects.toThrow(`is in use by process ${process.ppid}`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ pid: process.ppid });
  });
});
