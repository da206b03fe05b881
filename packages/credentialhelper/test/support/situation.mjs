// Run by situations.test.ts: gets credentials once in each way, and writes the results to a file.
//   node situation.mjs SESSIONS_AS_JSON FILE [SITUATION]
import cluster from 'node:cluster';
import { closeSync, mkdtempSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isMainThread, Worker } from 'node:worker_threads';
import { createSession } from 'awsiot-credentialhelper';

const [sessions, file, situation] = process.argv.slice(2);

/** Returns `credentials`, or the properties of an error. */
async function outcome(options) {
  try {
    const { accessKeyId } = await createSession(options).credentials();
    return accessKeyId === 'ASIAEXAMPLE' ? 'credentials' : accessKeyId;
  } catch (error) {
    if (error.name !== 'CredentialHelperError') return { raw: inspect(error) };
    const { code, message, hint, retryable, cause } = error;
    return { code, message, hint, retryable, cause: cause?.message };
  }
}

async function outcomes() {
  const all = {};
  for (const [name, options] of Object.entries(JSON.parse(sessions))) {
    all[name] = await outcome(options);
  }
  return JSON.stringify(all);
}

const run = async () => writeFileSync(file, await outcomes());

const situations = {
  'deleted folder': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deleted-'));
    process.chdir(folder);
    // Only ever an empty one.
    rmdirSync(folder);
    await run();
  },
  'frozen environment': async () => {
    process.env = Object.freeze({ ...process.env });
    await run();
  },
  'large environment': async () => {
    process.env.LARGE = 'x'.repeat(200_000);
    await run();
  },
  'no descriptor': async () => {
    const output = openSync(file, 'w');
    const descriptors = [];
    try {
      for (;;) descriptors.push(openSync('/dev/null'));
    } catch {
      // Now there is none left.
    }
    const text = await outcomes();
    for (const descriptor of descriptors) closeSync(descriptor);
    writeFileSync(output, text);
  },
  'worker thread': async () => {
    if (!isMainThread) await run();
    else new Worker(new URL(import.meta.url), { argv: [sessions, file, situation] });
  },
  'cluster worker': async () => {
    if (cluster.isPrimary) cluster.fork();
    else {
      await run();
      process.disconnect();
    }
  },
};

await (situations[situation] ?? run)();
