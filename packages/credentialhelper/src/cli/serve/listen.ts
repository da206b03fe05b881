import { lstatSync, rmSync, type Stats } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect, isIP } from 'node:net';
import { resolve } from 'node:path';
import { type Guard, hostInUrl, isLoopback } from '../../server/guard.ts';
import { lockFile } from '../lock-file.ts';
import { UsageError } from '../usage-error.ts';

/** Where to listen, as given on the command line. */
export interface ListenFlags {
  readonly listen?: readonly string[];
  readonly socket?: string;
  readonly allowRemote?: boolean;
}

/** A server that listens. */
export interface Listening {
  readonly server: Server;
  /** The beginning of its URLs; undefined for a Unix socket. */
  readonly base: string | undefined;
  /** The address for people. */
  readonly shown: string;
}

/** Where to listen by default. */
export const DEFAULT_LISTEN = '127.0.0.1:9911';

/**
 * Listens on all addresses of the command line; without any, on the sockets that systemd has opened, else on the default.
 *
 * @param descriptors - the sockets of systemd
 * @throws {@link UsageError} (as a rejection)
 */
export async function listen(
  create: () => Server,
  guard: Guard,
  { listen: addresses, socket, allowRemote = false }: ListenFlags,
  descriptors: readonly number[],
): Promise<readonly Listening[]> {
  const open: (() => Promise<Listening>)[] = [];
  const isGiven = addresses !== undefined || socket !== undefined;
  if (!isGiven) {
    for (const fd of descriptors) {
      open.push(() => started(create(), { fd }, `the socket of file descriptor ${fd}`));
    }
  }
  const tcp = addresses ?? (isGiven || open.length > 0 ? [] : [DEFAULT_LISTEN]);
  for (const address of tcp.map(parseAddress)) {
    checkReach(address.host, allowRemote);
    open.push(() => started(create(), address, `${hostInUrl(address.host)}:${address.port}`));
  }
  if (socket !== undefined) open.push(() => listenOnSocket(create, resolve(socket)));
  const listening: Listening[] = [];
  try {
    for (const one of open) {
      const opened = await one();
      listening.push(opened);
      checkOpened(opened, guard, allowRemote);
    }
    return listening;
  } catch (error) {
    for (const { server } of listening) server.close();
    throw error;
  }
}

function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, v6, name, port = ''] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = v6 ?? name ?? '';
  const isHost = v6 === undefined ? isIP(host) === 4 || host === 'localhost' : isIP(host) === 6;
  if (isHost && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new UsageError(
    '--listen must be the IP address of an interface, or localhost, and a port',
    {
      hint: `such as ${DEFAULT_LISTEN} or [::1]:9911; port 0 is any free one`,
    },
  );
}

function checkReach(host: string, allowRemote: boolean): void {
  if (allowRemote || isLoopback(host)) return;
  throw new UsageError(
    `other machines may reach ${host}, and get credentials of this device there`,
    {
      hint: 'listen on 127.0.0.1 or [::1]; or pass --allow-remote, and protect the network: there is no TLS',
    },
  );
}

function checkOpened({ server }: Listening, guard: Guard, allowRemote: boolean): void {
  const address = server.address();
  if (address === null || typeof address === 'string') return;
  try {
    checkReach(address.address, allowRemote);
  } catch (error) {
    server.close();
    throw error;
  }
  if (!WILDCARDS.includes(address.address)) guard.admit(address.address);
}

const WILDCARDS = ['0.0.0.0', '::'];

async function started(
  server: Server,
  where:
    | { readonly host: string; readonly port: number }
    | { readonly fd: number }
    | { readonly path: string },
  what: string,
): Promise<Listening> {
  try {
    await new Promise<void>((listening, reject) => {
      server.once('error', reject).listen(where, () => {
        server.off('error', reject);
        listening();
      });
    });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new UsageError(`cannot listen on ${what}: ${REASONS[code ?? ''] ?? message}`, {
      cause,
      hint:
        code === 'EADDRINUSE'
          ? 'is this command running already? choose another with --listen'
          : 'choose another with --listen or --socket',
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string')
    return { server, base: undefined, shown: what };
  const base = baseOf(address);
  return { server, base, shown: base };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOENT: 'its folder does not exist',
};

function baseOf({ address, port, family }: AddressInfo): string {
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1';
  return `http://${hostInUrl(WILDCARDS.includes(address) ? loopback : address)}:${port}`;
}

/** How long to wait for another process that starts at the same path, in milliseconds. */
const LOCK_MS = 5000;

/** Listens on a Unix socket of this user alone. One that a process has left behind is replaced. */
async function listenOnSocket(create: () => Server, path: string): Promise<Listening> {
  checkLength(path);
  checkKind(path);
  // Of two that start at once, one would otherwise remove the new socket of the other.
  const lock = await lockFile(`${path}.lock`, LOCK_MS);
  try {
    await removeStale(path);
    // The socket is created during the call, with the mode that the mask leaves.
    const mask = process.umask(0o177);
    const listening = started(create(), { path }, path);
    process.umask(mask);
    return await listening;
  } finally {
    lock.release();
  }
}

/** The longest path in an address of a Unix socket, in bytes: unix(7) on Linux, and on others. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** Older versions of Node.js cut a longer path, and listen at another one. */
function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  throw new UsageError(
    `the path of --socket has ${bytes} bytes, and a socket can have ${MAX_PATH_BYTES}: ${path}`,
    { hint: 'choose a shorter path' },
  );
}

/** Whether there is a socket. */
function checkKind(path: string): boolean {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // The attempt to listen there has the reason.
  }
  if (stats === undefined) return false;
  if (stats.isSocket()) return true;
  throw new UsageError(`${path} is not a socket`, { hint: 'choose another path' });
}

async function removeStale(path: string): Promise<void> {
  if (!checkKind(path)) return;
  if (await isAlive(path)) {
    throw new UsageError(`cannot listen on ${path}: another program listens there`, {
      hint: 'is this command running already? choose another path',
    });
  }
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw new UsageError(
      `cannot remove ${path}, which another process left behind: ${(cause as Error).message}`,
      { cause, hint: 'remove it, or choose another path' },
    );
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // What this user may not connect to is not replaced.
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}
