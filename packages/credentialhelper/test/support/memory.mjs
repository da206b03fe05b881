// Imported by the programs of this folder that report leaks.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';

// struct mallinfo2 of glibc: what is allocated, not the pages that the allocator keeps.
const FIELDS = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(
  ' ',
);
const type = koffi.struct(Object.fromEntries(FIELDS.map((name) => [name, 'size_t'])));
const mallinfo2 = koffi.load('libc.so.6').func('mallinfo2', type, []);

/** The memory of this process after garbage collection; requires `--expose-gc`. */
export async function measure() {
  for (let i = 0; i < 3; i++) {
    global.gc();
    await sleep(50);
  }
  const { heapUsed } = process.memoryUsage();
  const { uordblks, hblkhd } = mallinfo2();
  return {
    heapUsed,
    allocated: Number(uordblks) + Number(hblkhd),
    descriptors: readdirSync('/proc/self/fd').length,
  };
}
