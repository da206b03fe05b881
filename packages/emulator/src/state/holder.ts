// Which process a lock names, and whether it still runs. Process ids are used again, and each container has its own.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { isListening } from './holder-socket.ts';

/** A process that holds a lock. */
export interface Holder {
  readonly pid: number;
  /** When it started, by the system's clock since boot; missing where the system does not tell. */
  readonly startTime?: string;
  /** Changes with each start of the system. */
  readonly bootId?: string;
  /** In which of the containers of the system its id counts. */
  readonly pidNamespace?: string;
  readonly hostName?: string;
  /** The name of a socket in the folder that it listens on as long as it runs. */
  readonly socket?: string;
}

/** This process as the holder of a lock. */
export function thisProcess(): Holder {
  const startTime = readProcess('self')?.startTime;
  const bootId = readText('/proc/sys/kernel/random/boot_id');
  const pidNamespace = tryTo(() => readlinkSync('/proc/self/ns/pid'));
  return {
    pid: process.pid,
    hostName: hostname(),
    ...(startTime !== undefined && { startTime }),
    ...(bootId !== undefined && { bootId }),
    ...(pidNamespace !== undefined && { pidNamespace }),
  };
}

/** Whether the holder of a lock runs; `stopped`: it does, but was stopped by a signal; `unknown`: out of our sight. */
export type Liveness = 'running' | 'stopped' | 'ended' | 'unknown';

/** Returns whether the holder of the lock of a folder runs. */
export async function livenessOf(holder: Holder, dir: string): Promise<Liveness> {
  const own = thisProcess();
  if (holder.bootId !== own.bootId || holder.bootId === undefined) {
    if (holder.hostName !== undefined && holder.hostName !== own.hostName) return 'unknown';
    // A process of this machine did not survive its restart.
    if (holder.bootId !== undefined) return 'ended';
  }
  if (holder.pidNamespace === undefined || holder.pidNamespace === own.pidNamespace) {
    return livenessOfProcess(holder);
  }
  if (holder.socket === undefined) return 'unknown';
  const isRunning = await isListening(join(dir, basename(holder.socket)));
  if (isRunning === undefined) return 'unknown';
  return isRunning ? 'running' : 'ended';
}

function livenessOfProcess({ pid, startTime }: Holder): Liveness {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return 'ended';
  }
  const found = readProcess(String(pid));
  if (found === undefined) return 'running';
  const hasEnded = found.state === 'Z' || found.state === 'X';
  if (hasEnded || (startTime !== undefined && startTime !== found.startTime)) return 'ended';
  return found.state === 'T' || found.state === 't' ? 'stopped' : 'running';
}

/** Reads /proc/PID/stat, whose second field is a name in parentheses (proc(5)). */
function readProcess(pid: string): { state: string; startTime: string } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}

function readText(file: string): string | undefined {
  return tryTo(() => readFileSync(file, 'utf8').trim());
}

function tryTo<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
