// What a program costs, seen from outside: the time until it ends, its CPU time, its peak memory. Linux only.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import koffi from 'koffi';

const RUSAGE_CHILDREN = -1;
const PR_SET_CHILD_SUBREAPER = 36;
const timeval = koffi.struct({ seconds: 'long', microseconds: 'long' });
const rusage = koffi.struct({
  user: timeval,
  system: timeval,
  maxrss: 'long',
  others: koffi.array('long', 13),
});
const usageOut = koffi.out(koffi.pointer(rusage));
const libc = koffi.load(null);
const getrusage = libc.func('getrusage', 'int', ['int', usageOut]);
const wait4 = libc.func('wait4', 'int', ['int', 'void *', 'int', usageOut]);
const prctl = libc.func('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']);

// A session's child process may end after the program that started it. It becomes a child of this process then, and counts.
if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('prctl failed');

/** Waits for the processes that a program left behind; gives the sum of their peak memory, in KiB. */
function waitForRest() {
  let memory = 0;
  const usage = {};
  while (wait4(-1, null, 0, usage) > 0) memory += usage.maxrss;
  return memory;
}

/** CPU time, in milliseconds, of all processes waited for and of theirs. GNU time gives hundredths of a second only. */
function cpuUntilNow() {
  const usage = {};
  getrusage(RUSAGE_CHILDREN, usage);
  const ms = ({ seconds, microseconds }) => seconds * 1000 + microseconds / 1000;
  return ms(usage.user) + ms(usage.system);
}

/** Runs a command: milliseconds until it ends, and milliseconds of CPU time of all its processes. */
export async function timeOf([command, ...args]) {
  const cpuBefore = cpuUntilNow();
  const begin = performance.now();
  const [code] = await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
  const time = performance.now() - begin;
  waitForRest();
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { time, cpu: cpuUntilNow() - cpuBefore };
}

/** Runs a command: the peak resident memory, in KiB, of its process and of those that it leaves behind, as a sum. */
export async function memoryOf(command) {
  // A process starts with the peak of the one that forked it: GNU time is small, this process is not.
  try {
    const { stderr } = await promisify(execFile)('time', ['--format=%M', ...command]);
    return { memory: Number(stderr.trim().split('\n').at(-1)) + waitForRest() };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new Error('GNU time is missing: apt-get install time', { cause: error });
  }
}
