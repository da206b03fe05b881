// Measures a fleet of many things in one process, with the emulator in another: npm run bench:fleet
//   --things N   10000 if not given
import { fork } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createFleet, fromIotCore } from 'awsiot-credentialhelper';

const { values } = parseArgs({ options: { things: { type: 'string', default: '10000' } } });
const count = Number(values.things);
if (!Number.isInteger(count) || count < 1) throw new Error('--things must be a whole number');

const emulator = fork(new URL('fleet-emulator.mjs', import.meta.url), [String(count)], {
  execArgv: [],
});
const [{ things, fleet: init }] = await once(emulator, 'message');

/** Runs a task, and prints its duration and the delay of the event loop meanwhile. */
async function timed(what, task) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const begin = performance.now();
  const result = await task();
  const seconds = (performance.now() - begin) / 1000;
  delay.disable();
  // The histogram includes the resolution of its timer.
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 10).toFixed(1);
  console.log(
    `${what}: ${seconds.toFixed(1)} s, event loop delay p50 ${ms(delay.percentile(50))} ms, p99 ${ms(delay.percentile(99))} ms, max ${ms(delay.max)} ms`,
  );
  return result;
}

async function residentBytes() {
  for (let i = 0; i < 5; i++) {
    global.gc();
    await sleep(100);
  }
  return process.memoryUsage.rss();
}

const perThing = (bytes) => `${(bytes / count / 1000).toFixed(1)} kB`;

// The time to create a provider, in turns with the parsing of its certificate and key alone.
const ratios = [];
for (let i = 0; i < 200; i++) {
  const { certificate, privateKey, thingName } = things[i % count];
  const begin = performance.now();
  new X509Certificate(readFileSync(certificate));
  createPrivateKey(readFileSync(privateKey));
  const middle = performance.now();
  fromIotCore({ ...init, thingName, certificate, privateKey });
  ratios.push((performance.now() - middle) / (middle - begin));
}
ratios.sort((a, b) => a - b);
console.log(
  `creation of a provider, compared with createPrivateKey and new X509Certificate: ${ratios[100].toFixed(2)}`,
);

const before = await residentBytes();
let parsed = things.map(({ certificate, privateKey }) => [
  new X509Certificate(readFileSync(certificate)),
  createPrivateKey(readFileSync(privateKey)),
]);
const ofKeys = (await residentBytes()) - before;
console.log(`certificate and key alone: ${perThing(ofKeys)} resident for each of ${parsed.length}`);
parsed = undefined;
await residentBytes();

const fleet = createFleet(init);
const sessions = await timed(`add ${count} things`, () =>
  Promise.all(things.map((thing) => fleet.add(thing))),
);
const outcomes = await timed('first fetch of all', () =>
  Promise.allSettled(sessions.map((session) => session.credentials())),
);
const failures = outcomes.filter(({ status }) => status === 'rejected');
console.log(
  `failures: ${failures.length}`,
  ...failures.slice(0, 3).map(({ reason }) => reason.message),
);
const after = await residentBytes();
console.log(
  `fleet: ${perThing(after - before)} resident for each thing, with its certificate and key`,
);
await fleet.close();
emulator.disconnect();
process.exitCode = failures.length === 0 ? 0 : 1;
