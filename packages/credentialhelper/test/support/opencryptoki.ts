import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { afterAll, expect, vi } from 'vitest';

/** The path of the library in Debian. */
export const OPENCRYPTOKI_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so';

// unshare(2)
const CLONE_NEWNS = 0x20000;
const CLONE_NEWIPC = 0x8000000;

/** The data of the software token, and the files of a running daemon: paths that are built into opencryptoki. */
const STATE = '/var/lib/opencryptoki';
const LOCKS = '/run/lock/opencryptoki';
const TMPFS = ['/run', '/dev/shm', STATE];

/**
 * Whether {@link hideOpencryptoki} works here: opencryptoki is installed, and this process can create namespaces,
 * which requires root and is forbidden in many containers.
 */
export function canHideOpencryptoki(): boolean {
  const mount = ['--mount', '--ipc', 'mount', '--types', 'tmpfs', 'tmpfs', STATE];
  return existsSync(OPENCRYPTOKI_LIBRARY) && spawnSync('unshare', mount).status === 0;
}

let isHidden = false;

afterAll(() => {
  // The system's daemon is not visible in this namespace.
  if (!isHidden) return;
  for (const file of ['/run/pkcsslotd.pid', '/run/opencryptoki/pkcsslotd.pid']) {
    // On SIGTERM it would not exit while this process uses the library.
    if (existsSync(file)) process.kill(Number(readFileSync(file)), 'SIGKILL');
  }
});

/**
 * Isolates opencryptoki for this process and its future children: without a token, and without the daemon. The
 * system's own is not affected.
 */
export function hideOpencryptoki(): void {
  const namespace = () => readlinkSync('/proc/thread-self/ns/mnt');
  const before = namespace();
  const unshare = koffi.load(null).func('unshare', 'int', ['int']);
  expect(unshare(CLONE_NEWNS | CLONE_NEWIPC), 'unshare').toBe(0);
  // Otherwise the next mounts would hide folders of the system.
  expect(namespace()).not.toBe(before);
  execFileSync('mount', ['--make-rprivate', '/']);
  for (const path of TMPFS) execFileSync('mount', ['--types', 'tmpfs', 'tmpfs', path]);
  const folders = [LOCKS, STATE, `${STATE}/swtok`, `${STATE}/swtok/TOK_OBJ`];
  execFileSync('install', ['--directory', '--mode=770', '--group=pkcs11', ...folders]);
  isHidden = true;
}

/** Starts the daemon; call it in a hook, after {@link hideOpencryptoki}. It stops after the tests. */
export async function startOpencryptoki(): Promise<void> {
  execFileSync('pkcsslotd', { stdio: 'ignore' });
  await vi.waitUntil(() => spawnSync('pkcsconf', ['-t']).status === 0, { timeout: 20_000 });
}

/** Whether the software token supports EC keys: 3.8 (Debian 12) does not, 3.23 does. */
export function hasCurves(): boolean {
  const { stdout } = spawnSync('dpkg', ['--status', 'opencryptoki']);
  return Number(/^Version: 3\.(\d+)/m.exec(stdout?.toString())?.[1]) >= 23;
}

/** The flags of the token, from opencryptoki's own tool. */
export function tokenFlags(): readonly string[] {
  const shown = execFileSync('pkcsconf', ['-t']).toString();
  return /\tFlags: \S+ \((.*)\)/.exec(shown)?.[1]?.split('|') ?? [];
}
