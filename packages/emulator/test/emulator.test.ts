import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type EmulatorOptions, startEmulator } from '../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-start-'));
const other = await startEmulator();
afterAll(async () => {
  rmSync(root, { recursive: true });
  await other.close();
});
const portOf = (endpoint: string) => Number(endpoint.split(':').at(-1));

/** The open resources of this process: listening sockets, and files in the folder. */
function openHandles(): { servers: number; files: readonly string[] } {
  const links = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // The descriptor of the listing itself.
      return '';
    }
  });
  return {
    servers: process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length,
    files: links.filter((link) => link.startsWith(root)),
  };
}

/** Expects only the two sockets of the other emulator to be open, once the system has closed the rest. */
async function expectNothingOpen(): Promise<void> {
  await expect.poll(openHandles).toEqual({ servers: 2, files: [] });
}

/** A clock that fails at its second call: the first is for the folder. */
function failingClock(): { now(): number } {
  let asked = 0;
  return {
    now() {
      asked++;
      if (asked > 1) throw new Error('the clock is broken');
      return Date.now();
    },
  };
}

/** Replaces a value in the file of the account. */
function damage(dir: string, name: 'certificatePem' | 'privateKeyPem'): void {
  const file = join(dir, 'account.json');
  const account = JSON.parse(readFileSync(file, 'utf8'));
  account.pki.server[name] = 'damaged';
  writeFileSync(file, JSON.stringify(account));
}

describe('a failed start', () => {
  it.each<[string, EmulatorOptions, RegExp]>([
    ['a fault', { faults: [{ action: 'nap' } as never] }, /invalid fault/],
    ['the log', { logFile: join(root, 'none', 'log') }, /cannot write the log .*: ENOENT/],
    ['the clock', { clock: failingClock() }, /the clock is broken/],
    ['the port of the credential provider', { credentialsPort: portOf(other.apiEndpoint) }, /port/],
    [
      'the port of the AWS APIs, once the credential provider listens',
      { apiPort: portOf(other.apiEndpoint), logFile: join(root, 'log') },
      /the port is in use/,
    ],
  ])('at %s leaves the folder unlocked and nothing open', async (_name, options, message) => {
    const dir = mkdtempSync(join(root, 'aws-'));
    await (await startEmulator({ dir })).close();
    await expect(startEmulator({ dir, ...options })).rejects.toThrow(message);
    await expectNothingOpen();
    expect(existsSync(join(dir, 'running.json'))).toBe(false);
    await (await startEmulator({ dir })).close();
  });

  it.each(['certificatePem', 'privateKeyPem'] as const)(
    'at a damaged %s of the server leaves the folder unlocked and nothing open',
    async (name) => {
      const dir = mkdtempSync(join(root, 'aws-'));
      await (await startEmulator({ dir })).close();
      damage(dir, name);
      await expect(startEmulator({ dir })).rejects.toThrow();
      await expectNothingOpen();
      expect(existsSync(join(dir, 'running.json'))).toBe(false);
    },
  );
});

describe('a running emulator', () => {
  it('can be closed twice, also at once, and leaves nothing open', async () => {
    await expectNothingOpen();
    const aws = await startEmulator({ dir: mkdtempSync(join(root, 'aws-')) });
    expect(openHandles().servers).toBe(4);
    await Promise.all([aws.close(), aws.close()]);
    await aws.close();
    await expectNothingOpen();
  });

  it('lists the faults that were added, until they are cleared', async () => {
    await using aws = await startEmulator({ faults: [{ delayMs: 1 }] });
    const { id } = aws.faults.add({ action: 'hang' });
    const first = expect.any(String);
    expect(aws.faults.list()).toEqual([
      { id: first, delayMs: 1 },
      { id, action: 'hang' },
    ]);
    aws.faults.clear();
    expect(aws.faults.list()).toEqual([]);
  });
});
