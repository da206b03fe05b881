// Imported by the programs of this folder that tell what they leave behind.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What this process holds once its garbage is collected; it runs with `--expose-gc`. */
export async function measure() {
  for (let i = 0; i < 3; i++) {
    global.gc();
    await sleep(50);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapUsed, rss, descriptors: readdirSync('/proc/self/fd').length };
}
