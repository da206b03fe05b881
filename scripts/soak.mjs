// Run by soak.sh: runs soak-program.mjs in each environment, prints its measurements, and fails if anything grows.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { makeDevice, row } from './device.mjs';

const COUNT = Number(process.env.EXCHANGES ?? 300);
const FAILURES = 1000;
const MAX_HEAP_BYTES = 1000;
/** The variation between measurements, in bytes: significant for few requests. */
const NOISE_BYTES = 50_000;
// V8 enlarges its young generation over time.
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const PROGRAM = fileURLToPath(new URL('soak-program.mjs', import.meta.url));

const { folder, write, common, inFile, inToken, close } = await makeDevice();

/** A port where nothing listens. */
async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const TOKEN = {
  what: 'key in a token',
  options: { ...common, ...inToken },
  count: COUNT,
  warmUp: 160,
};
const FILE = {
  what: 'key in a file',
  options: { ...common, ...inFile },
  count: COUNT,
  warmUp: 200,
};
const CLOSED = {
  what: 'key in a file, nothing listens',
  options: { ...common, ...inFile, endpoint: `localhost:${await closedPort()}` },
  code: 'ERR_CONNECTION_REFUSED',
  count: FAILURES,
  warmUp: 300,
};
const SURROUNDINGS = [
  ['node --watch', ['--watch'], [TOKEN, FILE]],
  ['worker thread', [], [TOKEN, FILE]],
  ['cluster worker', [], [TOKEN, FILE]],
  ['node', [], [CLOSED]],
];

let runs = 0;

/** Runs the program, and returns its measurements. */
async function measured(surrounding, flags, series) {
  const result = write(`result-${++runs}`, '');
  const request = write(`request-${runs}`, JSON.stringify({ surrounding, series, result }));
  const args = [...FLAGS, ...flags, PROGRAM, request];
  // With its own process group: under --watch, it is killed with the watcher.
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let printed = '';
  child.stderr.on('data', (text) => {
    printed += text;
  });
  const end = new Promise((resolve) => child.once('close', resolve));
  const isDone = () => readFileSync(result, 'utf8') !== '';
  const watch = setInterval(() => {
    if (isDone() && flags.includes('--watch')) process.kill(-child.pid, 'SIGKILL');
  }, 200);
  await end;
  clearInterval(watch);
  if (!isDone()) throw new Error(`${surrounding}: nothing came out: ${printed}`);
  return JSON.parse(readFileSync(result, 'utf8'));
}

const kilobytes = (bytes) => Math.round(bytes / 1000);
const change = (before, after) => (before === after ? `${before}` : `${before} → ${after}`);

/** The values that grow. */
function problemsOf({ before, after, children }, count) {
  return [
    ...(after.descriptors > before.descriptors ? ['descriptors'] : []),
    ...(after.heapUsed - before.heapUsed > Math.max(MAX_HEAP_BYTES * count, NOISE_BYTES)
      ? ['heapUsed']
      : []),
    ...(children > 0 ? ['processes'] : []),
  ];
}

const HEAD = ['surrounding', 'what', 'times', 'descriptors', 'heapUsed, KB', 'allocated, KB'];
row([...HEAD, 'rss, KB', 'processes left', 'grows']);
row([...HEAD, '', '', ''].map(() => '---'));
for (const [surrounding, flags, series] of SURROUNDINGS) {
  const results = await measured(surrounding, flags, series);
  for (const [index, { what, count }] of series.entries()) {
    const { before, after, children } = results[index];
    const problems = problemsOf(results[index], count);
    if (problems.length > 0) process.exitCode = 1;
    const memory = ['heapUsed', 'allocated', 'rss'].map((name) =>
      change(kilobytes(before[name]), kilobytes(after[name])),
    );
    const descriptors = change(before.descriptors, after.descriptors);
    row([surrounding, what, count, descriptors, ...memory, children, problems.join(', ') || 'no']);
  }
}
await close();
