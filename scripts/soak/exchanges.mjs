// Many exchanges in a process, and what it uses meanwhile; fails if an exchange is lost or a resource grows.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { makeDevice, row } from '../device.mjs';
import { cellsOf, growing, HEADS, NODE_FLAGS } from './resources.mjs';

const PROGRAM = fileURLToPath(new URL('exchanges-program.mjs', import.meta.url));
const COUNT = Number(process.env.EXCHANGES ?? 300);
const TOKEN_COUNT = Number(process.env.TOKEN_EXCHANGES ?? COUNT);
const FAILURES = 1000;

/** A port where nothing listens. */
async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const kept = { environment: 'node', flags: [], warmUp: 300, parts: 5, isRenewed: false };

/** Sessions that stay, in one process. */
const longRuns = ({ common, inFile, inToken, inTokenWith }) => [
  {
    ...kept,
    what: 'key in a file, 8 sessions',
    options: { ...common, ...inFile },
    count: COUNT,
    parallel: 8,
  },
  {
    ...kept,
    what: 'key in a token, `isolate: false`, 2 sessions',
    options: { ...common, ...inTokenWith(false) },
    count: TOKEN_COUNT,
    parallel: 2,
  },
  {
    ...kept,
    what: 'key in a token, 2 sessions',
    options: { ...common, ...inToken },
    count: TOKEN_COUNT,
    parallel: 2,
  },
];

const renewed = { warmUp: 200, parts: 1, parallel: 1, isRenewed: true };

/** A session for each exchange, in each environment that treats child processes or modules in its own way. */
const environments = async ({ common, inFile, inToken }) => [
  ...[
    ['node --watch', ['--watch']],
    ['worker thread', []],
    ['cluster worker', []],
  ].flatMap(([environment, flags]) => [
    {
      ...renewed,
      environment,
      flags,
      what: 'key in a token',
      options: { ...common, ...inToken },
      count: TOKEN_COUNT,
    },
    {
      ...renewed,
      environment,
      flags,
      what: 'key in a file',
      options: { ...common, ...inFile },
      count: COUNT,
    },
  ]),
  {
    ...renewed,
    environment: 'node',
    flags: [],
    what: 'key in a file, nothing listens',
    // Without a wait for retries.
    options: {
      ...{ ...common, ...inFile, maxWaitMs: 0 },
      endpoint: `localhost:${await closedPort()}`,
    },
    count: FAILURES,
    outcome: 'ERR_CONNECTION_REFUSED',
  },
];

let runs = 0;

/** Runs the program, and calls back with each of its measurements. */
async function measure({ folder, write }, { flags, ...series }, onMeasured) {
  const result = write(`result-${++runs}`, '');
  const request = write(`request-${runs}`, JSON.stringify({ ...series, result }));
  // With its own process group: under --watch, it is killed with the watcher.
  const child = spawn(process.execPath, [...NODE_FLAGS, ...flags, PROGRAM, request], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let printed = '';
  child.stderr.on('data', (text) => {
    printed += text;
  });
  let seen = 0;
  const look = () => {
    const lines = readFileSync(result, 'utf8').split('\n').slice(0, -1);
    for (const line of lines.slice(seen)) onMeasured(JSON.parse(line));
    seen = lines.length;
    return seen > series.parts;
  };
  const watch = setInterval(() => {
    if (look() && flags.includes('--watch')) process.kill(-child.pid, 'SIGKILL');
  }, 200);
  await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  if (!look()) throw new Error(`${series.environment}: it ended early: ${printed}`);
}

/** Runs one series, prints its rows, and returns its problems. */
async function run(device, series) {
  const { environment, what, count, warmUp, outcome = 'credentials' } = series;
  const measured = [];
  const before = device.aws.requests.counters.credentials[200] ?? 0;
  await measure(device, series, (one) => {
    measured.push(one);
    const { done, outcomes, ms } = one;
    const failed = done - (outcomes[outcome] ?? 0);
    const each = done === 0 ? '' : (ms / done).toFixed(1);
    row([environment, what, done, failed, each, ...cellsOf(one)]);
  });
  // The first of several parts is a warm-up, too: V8 compiles more code.
  const [first, last] = [measured[series.parts > 1 ? 1 : 0], measured.at(-1)];
  const answered = (device.aws.requests.counters.credentials[200] ?? 0) - before;
  const isAnswered = outcome !== 'credentials' || answered === count + warmUp;
  return [
    ...growing(first, last, count).map((name) => `${name} grows`),
    ...(last.outcomes[outcome] === count ? [] : [`outcomes: ${JSON.stringify(last.outcomes)}`]),
    ...(isAnswered ? [] : [`the emulator answered ${answered} of ${count + warmUp} requests`]),
  ].map((problem) => `${environment}, ${what}: ${problem}`);
}

/** Runs `exchanges` or `environments`, prints a table, and returns the problems. */
export async function soakExchanges(kind) {
  const device = await makeDevice();
  const all = kind === 'environments' ? await environments(device) : longRuns(device);
  const heads = ['environment', 'what', 'exchanges', 'failed', 'ms each', ...HEADS];
  row(heads);
  row(heads.map(() => '---'));
  const problems = [];
  for (const series of all) problems.push(...(await run(device, series)));
  await device.close();
  return problems;
}
