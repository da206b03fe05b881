// Measures a program from outside: elapsed time, CPU time, peak memory. Linux only.
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

// A session's child process may exit after its parent. It then becomes a child of this process, and is measured too.
if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('prctl failed');

/** Waits for the orphaned processes of a program; returns the sum of their peak memory, in KiB. */
function waitForRest() {
  let memory = 0;
  const usage = {};
  while (wait4(-1, null, 0, usage) > 0) memory += usage.maxrss;
  return memory;
}

/**
 * CPU time, in milliseconds, of all waited-for processes and their children. GNU time reports only hundredths of a
 * second.
 */
function cpuUntilNow() {
  const usage = {};
  getrusage(RUSAGE_CHILDREN, usage);
  const ms = ({ seconds, microseconds }) => seconds * 1000 + microseconds / 1000;
  return ms(usage.user) + ms(usage.system);
}

/** Runs a command: elapsed time and CPU time of all its processes, in milliseconds. */
export async function timeOf([command, ...args]) {
  const cpuBefore = cpuUntilNow();
  const begin = performance.now();
  const [code] = await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
  const time = performance.now() - begin;
  waitForRest();
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { time, cpu: cpuUntilNow() - cpuBefore };
}

/** Runs a command: the sum of the peak resident memory of its process and of its orphans, in KiB. */
export async function memoryOf(command) {
  // A process inherits the peak of the one that forked it: GNU time is small, this process is not.
  try {
    const { stderr } = await promisify(execFile)('time', ['--format=%M', ...command]);
    return { memory: Number(stderr.trim().split('\n').at(-1)) + waitForRest() };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new Error('GNU time is missing: apt-get install time', { cause: error });
  }
}
