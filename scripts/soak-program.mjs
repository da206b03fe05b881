// Run by soak.mjs: gets credentials many times, or fails to, in the specified environment, and writes its resource
// usage before and after.
//   node --expose-gc --max-semi-space-size=1 soak-program.mjs REQUEST_FILE
import cluster from 'node:cluster';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import { createSession } from 'awsiot-credentialhelper';
import { measure } from '../packages/credentialhelper/test/support/memory.mjs';

const [file] = process.argv.slice(2);
const { surrounding, series, result } = JSON.parse(readFileSync(file, 'utf8'));

/** Timeout for the exit of a child process after its response, in milliseconds. */
const END_MS = 3000;

async function exchange({ options, code }, times) {
  for (let i = 0; i < times; i++) {
    // A session caches its credentials: a new one for each request.
    const outcome = await createSession(options)
      .credentials()
      .then(
        () => undefined,
        (error) => error,
      );
    if (outcome?.code !== code) throw outcome ?? new Error('credentials where none are expected');
  }
}

const held = async () => ({ ...(await measure()), rss: process.memoryUsage.rss() });

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

async function noMoreChildren() {
  for (let waitedMs = 0; children() > 0 && waitedMs < END_MS; waitedMs += 100) await sleep(100);
}

async function run() {
  const results = [];
  for (const one of series) {
    await exchange(one, one.warmUp);
    await noMoreChildren();
    const before = await held();
    await exchange(one, one.count);
    await noMoreChildren();
    results.push({ before, after: await held(), children: children() });
  }
  writeFileSync(result, JSON.stringify(results));
}

if (surrounding === 'worker thread' && isMainThread) {
  new Worker(new URL(import.meta.url), { argv: [file] });
} else if (surrounding === 'cluster worker' && cluster.isPrimary) {
  cluster.fork();
} else {
  await run();
  if (cluster.isWorker) process.disconnect();
}
