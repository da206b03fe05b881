// Imported by the programs of this folder: what a process uses, and whether it grows.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { measure } from '../../packages/credentialhelper/test/support/memory.mjs';

/** V8 enlarges its young generation over time, and `measure` needs the garbage collector. */
export const NODE_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

/** Timeout for the exit of a child process after its response, in milliseconds. */
const END_MS = 3000;

/** The number of child processes, including zombies. */
function children() {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
      return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === process.pid;
    } catch {
      return false;
    }
  }).length;
}

/** The resources of this process, once its child processes have had time to exit. Memory in bytes. */
export async function resources() {
  for (let waitedMs = 0; children() > 0 && waitedMs < END_MS; waitedMs += 100) await sleep(100);
  return { ...(await measure()), rss: process.memoryUsage.rss(), children: children() };
}

const KB = 1000;
const MB = 1000 * KB;

/** Tolerated growth, in bytes: the variation between measurements, and 10 bytes for each exchange. */
const NOISE = { heapUsed: MB, allocated: 3 * MB, rss: 30 * MB };
const BYTES_EACH = 10;

/** The names of the resources that grow between two measurements with a number of exchanges between them. */
export function growing(before, after, exchanges) {
  const memory = Object.keys(NOISE).filter(
    (name) => after[name] - before[name] > NOISE[name] + BYTES_EACH * exchanges,
  );
  const counts = ['descriptors', 'children'].filter((name) => after[name] > before[name]);
  return [...memory, ...counts];
}

/** The heads of the cells of {@link cellsOf}. */
export const HEADS = ['heap, KB', 'allocated, KB', 'RSS, MB', 'descriptors', 'child processes'];

/** The cells of a table for a measurement. */
export function cellsOf({ heapUsed, allocated, rss, descriptors, children: left }) {
  const [heap, all] = [heapUsed, allocated].map((bytes) => Math.round(bytes / KB));
  return [heap, all, Math.round(rss / MB), descriptors, left];
}
