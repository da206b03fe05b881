import type { Koffi } from '../../pkcs11/koffi.ts';
import { loadKoffi } from '../../pkcs11/koffi.ts';
import { sleep } from '../../process/timers.ts';
import { printLine } from '../output.ts';

/** The messages of sd_notify(3) to the service manager that has started this process. */
export interface Notifier {
  /** Sends assignments such as `READY=1`. Does not throw. */
  notify(...assignments: readonly string[]): Promise<void>;
  /** How often to send `WATCHDOG=1`, in milliseconds: half of the limit; undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
}

/**
 * Connects to the service manager. Node.js has no Unix datagram sockets, and messages of another program would not be those of
 * the main process: koffi calls the functions of the system.
 */
export async function connectNotifier(environment: NodeJS.ProcessEnv): Promise<Notifier> {
  const { NOTIFY_SOCKET = '', WATCHDOG_USEC = '', WATCHDOG_PID } = environment;
  // Programs that this process starts do not inherit them.
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  const send = NOTIFY_SOCKET === '' ? undefined : await createSend(NOTIFY_SOCKET);
  if (send === undefined) return { notify: async () => {}, watchdogMs: undefined };
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const watchdogMs = isOurs && /^\d{1,15}$/.test(WATCHDOG_USEC) ? Number(WATCHDOG_USEC) / 2000 : 0;
  return {
    watchdogMs: watchdogMs > 0 ? watchdogMs : undefined,
    async notify(...assignments) {
      const message = Buffer.from(assignments.join('\n'));
      // The queue of the socket may be full.
      for (let tries = 0; !send(message) && tries < TRIES; tries++) await sleep(PAUSE_MS);
    },
  };
}

const TRIES = 50;
const PAUSE_MS = 20;

async function createSend(path: string): Promise<((message: Buffer) => boolean) | undefined> {
  try {
    return openSocket(await loadKoffi(), path);
  } catch (error) {
    printLine(
      'warning',
      `the service manager gets no messages, and with Type=notify it waits for one: ${(error as Error).message}`,
    );
    return undefined;
  }
}

// The values of Linux, which alone has systemd.
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const DONTWAIT_NOSIGNAL = 0x4040;
const FAMILY_BYTES = 2;
const MAX_PATH_BYTES = 108;

/** Creates a function that sends a datagram; it returns false if that should be tried again. */
function openSocket(koffi: Koffi, path: string): (message: Buffer) => boolean {
  if (process.platform !== 'linux' || !/^[/@]/.test(path)) {
    throw new Error('NOTIFY_SOCKET is not a socket of this system');
  }
  const name = Buffer.from(path);
  if (name.length >= MAX_PATH_BYTES) throw new Error('the path in NOTIFY_SOCKET is too long');
  // A name in the abstract namespace begins with NUL (unix(7)).
  if (path.startsWith('@')) name[0] = 0;
  const address = Buffer.alloc(FAMILY_BYTES + name.length);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  name.copy(address, FAMILY_BYTES);
  const libc = koffi.load(null);
  const socket = libc.func('socket', 'int', ['int', 'int', 'int']);
  const sendto = libc.func('sendto', 'long', ['int', 'void *', 'ulong', 'int', 'void *', 'uint32']);
  const descriptor: number = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) throw new Error(`socket: errno ${koffi.errno()}`);
  return (message) => {
    const sent = sendto(
      descriptor,
      message,
      message.length,
      DONTWAIT_NOSIGNAL,
      address,
      address.length,
    );
    return Number(sent) >= 0 || koffi.errno() !== koffi.os.errno.EAGAIN;
  };
}

const FIRST_DESCRIPTOR = 3;

/** The sockets that systemd has opened for this process (sd_listen_fds(3)). */
export function activatedSockets(environment: NodeJS.ProcessEnv): readonly number[] {
  const { LISTEN_FDS = '', LISTEN_PID = '' } = environment;
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) delete environment[name];
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,3}$/.test(LISTEN_FDS)) return [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => FIRST_DESCRIPTOR + index);
}
