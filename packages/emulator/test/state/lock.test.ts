import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { BUILT } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-lock-'));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));
const lockOf = (dir: string) => join(dir, 'running.json');
type Content = Record<string, unknown>;
const readLock = (dir: string) => JSON.parse(readFileSync(lockOf(dir), 'utf8')) as Content;

const model = newFolder();
const first = await startEmulator({ dir: model });
const modelLock = readLock(model);
await first.close();

/** A folder of an emulator, and the content that its lock had. */
function leftFolder(): { dir: string; left: Content } {
  const dir = newFolder();
  cpSync(model, dir, { recursive: true });
  return { dir, left: modelLock };
}

/** A process, and the start time of it. */
async function startProcess(...command: [string, ...string[]]) {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child, 'spawn');
  return child;
}
const startTimeOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[19];

describe('a folder', () => {
  it('is locked once, for its owner alone, and unlocked', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    await expect(startEmulator({ dir })).rejects.toThrow(
      `${dir} is in use by process ${process.pid} (${lockOf(dir)})`,
    );
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(lockOf(dir)).mode & 0o777).toBe(0o600);
    await aws.close();
    await (await startEmulator({ dir })).close();
  });

  it.each<[string, (left: Content) => Content]>([
    ['a process whose id another one has now', (left) => ({ ...left, pid: process.ppid })],
    ['a process that had its own id', (left) => ({ ...left, startTime: '1' })],
    ['one of an older version, with its own id', () => ({ pid: process.pid })],
    ['no process', (left) => ({ ...left, pid: 4_194_304 })],
    ['a time before the machine was restarted', (left) => ({ ...left, bootId: 'another' })],
    [
      'another container, whose process has ended',
      (left) => ({ ...left, pidNamespace: 'pid:[1]' }),
    ],
  ])('is taken over from %s', async (_who, change) => {
    const { dir, left } = leftFolder();
    // What a killed process leaves of its socket.
    execFileSync('python3', [
      '-c',
      'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      join(dir, String(left.socket)),
    ]);
    writeFileSync(lockOf(dir), JSON.stringify(change(left)));
    const aws = await startEmulator({ dir });
    await expect(startEmulator({ dir })).rejects.toThrow('is in use by process');
    await aws.close();
  });

  it('is taken over from a process that has ended and was not waited for', async () => {
    const { dir, left } = leftFolder();
    const parent = await startProcess(
      'python3',
      '-c',
      'import os, time; pid = os.fork() or os._exit(0); print(pid, flush=True); time.sleep(60)',
    );
    const [line] = (await once(
      createInterface({ input: parent.stdout ?? process.stdin }),
      'line',
    )) as [string];
    const pid = Number(line);
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
    writeFileSync(lockOf(dir), JSON.stringify({ ...left, pid, startTime: startTimeOf(pid) }));
    await (await startEmulator({ dir })).close();
  });

  it.each<[string, RegExp, (left: Content, pid: number) => Content]>([
    [
      'a process that runs',
      /is in use by process \d+ \(/,
      (left, pid) => ({ ...left, pid, startTime: startTimeOf(pid) }),
    ],
    ['one of an older version', /is in use by process \d+ \(/, (_left, pid) => ({ pid })],
    [
      'one that is stopped',
      /is in use by process \d+, which is stopped \(/,
      (left, pid) => {
        process.kill(pid, 'SIGSTOP');
        return { ...left, pid, startTime: startTimeOf(pid) };
      },
    ],
    [
      'another machine',
      /may be in use by process \d+ of another container or machine \(elsewhere\), .* delete /,
      (left) => ({ ...left, bootId: 'another', hostName: 'elsewhere' }),
    ],
    [
      'another container that has no socket',
      new RegExp(`of another container or machine \\(${hostname()}\\), .* delete `),
      ({ socket: _, ...left }) => ({ ...left, pidNamespace: 'pid:[1]' }),
    ],
  ])('is left to %s, with one line of error', async (_who, message, change) => {
    const { dir, left } = leftFolder();
    const { pid = 0 } = await startProcess('sleep', '60');
    const text = JSON.stringify(change(left, pid));
    writeFileSync(lockOf(dir), text);
    if (message.source.includes('stopped')) {
      await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) T /);
    }
    const error = await startEmulator({ dir }).catch((cause: Error & { code: string }) => cause);
    expect(error).toMatchObject({ code: 'ERR_IN_USE', message: expect.stringMatching(message) });
    expect(error).toMatchObject({ message: expect.stringMatching(/^[^\n]*running\.json\)?$/) });
    expect(readFileSync(lockOf(dir), 'utf8')).toBe(text);
    expect(readdirSync(dir)).toHaveLength(4);
  });

  it('is left to a process of another container with the same id, as long as it listens', async () => {
    const { dir, left } = leftFolder();
    writeFileSync(lockOf(dir), JSON.stringify({ ...left, pidNamespace: 'pid:[1]' }));
    const other = createServer().listen(join(dir, String(left.socket)));
    await once(other, 'listening');
    await expect(startEmulator({ dir })).rejects.toThrow('is in use by process');
    other.close();
    await once(other, 'close');
  });

  it.each<[string, (file: string) => void]>([
    ['is empty', (file) => writeFileSync(file, '')],
    ['is not JSON', (file) => writeFileSync(file, '{"pid":')],
    ['is a list', (file) => writeFileSync(file, '[]')],
    ['has no process', (file) => writeFileSync(file, '{}')],
    ['has a negative process id', (file) => writeFileSync(file, '{"pid":-1}')],
    ['has a number for a text', (file) => writeFileSync(file, '{"pid":1,"socket":1}')],
    ['is huge', (file) => writeFileSync(file, '"'.padEnd(70_000))],
    ['is a folder', (file) => mkdirSync(file)],
    ['is a symbolic link', (file) => symlinkSync('/etc/passwd', file)],
    ['is a broken symbolic link', (file) => symlinkSync('/no/such/file', file)],
    ['is a pipe', (file) => execFileSync('mkfifo', [file])],
  ])('with a lock that %s is refused, with one line that names it', async (_how, damage) => {
    const dir = newFolder();
    mkdirSync(dir, { mode: 0o700 });
    damage(lockOf(dir));
    await expect(startEmulator({ dir })).rejects.toThrow(
      /^the lock [^\n]*running\.json is damaged: [^\n]*; if no emulator uses the folder, delete it$/,
    );
    expect(readdirSync(dir)).toEqual(['running.json']);
  });

  // It may have started before this test sees the lock.
  it('is not used any more if another program takes its lock', { retry: 5 }, async () => {
    const { dir } = leftFolder();
    const starting = startEmulator({ dir });
    await expect.poll(() => readdirSync(dir), { interval: 1 }).toContain('running.json');
    const text = JSON.stringify({ pid: process.ppid });
    writeFileSync(lockOf(dir), text);
    await expect(starting).rejects.toThrow(`is in use by process ${process.ppid}`);
    expect(readFileSync(lockOf(dir), 'utf8')).toBe(text);
  });

  it.each([0o770, 0o707, 0o1777])('that others may write to (mode %o) is refused', async (mode) => {
    const dir = newFolder();
    mkdirSync(dir);
    chmodSync(dir, mode);
    await expect(startEmulator({ dir })).rejects.toThrow(/^cannot use .*: other users may write/);
    expect(readdirSync(dir)).toEqual([]);
    chmodSync(dir, 0o755);
    await (await startEmulator({ dir })).close();
  });

  it.runIf(process.geteuid?.() === 0)('of another user is refused', async () => {
    const dir = newFolder();
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, 65_534, 65_534);
    await expect(startEmulator({ dir })).rejects.toThrow('it belongs to user 65534, not to user 0');
  });

  it.each(['/proc/emulator/state', '/dev/null/state'])('%s is refused', async (dir) => {
    await expect(startEmulator({ dir })).rejects.toThrow(/^cannot use [^\n]+$/);
  });
});

describe('of several processes at once', () => {
  /** Starts an emulator in a process, perhaps in a container of its own, and waits for what it says. */
  async function open(dir: string, ...container: string[]) {
    const program = `
      import { startEmulator } from ${JSON.stringify(BUILT)};
      await new Promise((resolve) => process.stdin.once('data', resolve));
      try {
        const aws = await startEmulator({ dir: ${JSON.stringify(dir)} });
        console.log('open ' + aws.iot.listThings().length, process.pid);
        setInterval(() => {}, 1000);
      } catch (error) {
        console.log(error.message);
        process.exit();
      }`;
    const [command = '', ...args] = [
      ...container,
      process.execPath,
      '--input-type=module',
      '--eval',
      `${program}`,
    ];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const lines = createInterface({ input: child.stdout });
    return {
      child,
      async go() {
        child.stdin.write('\n');
        const [line] = (await once(lines, 'line')) as [string];
        return line;
      },
    };
  }

  it('one takes a folder over from one that was killed, and the others say so', async () => {
    const { dir, left } = leftFolder();
    writeFileSync(lockOf(dir), JSON.stringify({ ...left, pid: 4_194_304 }));
    const processes = await Promise.all(Array.from({ length: 8 }, () => open(dir)));
    const said = await Promise.all(processes.map(({ go }) => go()));
    expect(said.filter((line) => line.startsWith('open 0'))).toHaveLength(1);
    expect(said.filter((line) => /is in use by process \d+ \(/.test(line))).toHaveLength(7);
    expect(readdirSync(dir)).toHaveLength(5);
  });

  it('one in another container sees whether the first, with the same id, still runs', async () => {
    const dir = newFolder();
    const container = [
      'unshare',
      '--map-root-user',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
    ];
    const first = await open(dir, ...container);
    expect(await first.go()).toBe('open 0 1');
    const second = await open(dir, ...container);
    expect(await second.go()).toMatch(/is in use by process 1 \(/);
    await expect(startEmulator({ dir })).rejects.toThrow('is in use by process 1');
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const third = async () => (await open(dir, ...container)).go();
    await expect.poll(third, { timeout: 20_000 }).toBe('open 0 1');
  });
});
