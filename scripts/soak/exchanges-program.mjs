// Run by exchanges.mjs: gets credentials many times, or fails to, in the specified environment, and appends a
// measurement to a file, as a line of JSON, before it begins and after each part.
//   node --expose-gc --max-semi-space-size=1 exchanges-program.mjs REQUEST_FILE
import cluster from 'node:cluster';
import { appendFileSync, readFileSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { createSession } from 'awsiot-credentialhelper';
import { resources } from './resources.mjs';

const [file] = process.argv.slice(2);
const { environment, options, count, warmUp, parts, parallel, isRenewed, result } = JSON.parse(
  readFileSync(file, 'utf8'),
);

const outcomes = {};
const sessions = Array.from({ length: parallel }, () => createSession(options));

/** One exchange, with a session of its own or one of those that stay. */
async function exchange(session) {
  const outcome = await (isRenewed ? createSession(options).credentials() : session.refresh()).then(
    () => 'credentials',
    ({ code, message }) => code ?? message,
  );
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}

/** That many exchanges, several at a time. */
async function exchanges(times) {
  let left = times;
  await Promise.all(
    sessions.map(async (session) => {
      while (left-- > 0) await exchange(session);
    }),
  );
}

async function run() {
  await exchanges(warmUp);
  const total = { done: 0, ms: 0 };
  const measured = async () =>
    appendFileSync(result, `${JSON.stringify({ ...total, outcomes, ...(await resources()) })}\n`);
  for (const outcome of Object.keys(outcomes)) delete outcomes[outcome];
  await measured();
  for (let part = 1; part <= parts; part++) {
    const upTo = Math.round((part * count) / parts);
    const beganMs = performance.now();
    await exchanges(upTo - total.done);
    total.ms += performance.now() - beganMs;
    total.done = upTo;
    await measured();
  }
}

if (environment === 'worker thread' && isMainThread) {
  new Worker(new URL(import.meta.url), { argv: [file] });
} else if (environment === 'cluster worker' && cluster.isPrimary) {
  cluster.fork();
} else {
  await run();
  if (cluster.isWorker) process.disconnect();
}
