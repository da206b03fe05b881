// Forked by faults.mjs: callers in a loop, for one session with its key in a file, a fleet, and one session with its key
// in a token, until the parent process sends `close`.
//   node --expose-gc --max-semi-space-size=1 faults-program.mjs REQUEST_FILE
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet, createSession } from 'awsiot-credentialhelper';
import { resources } from './resources.mjs';

const { common, file, token, things } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/**
 * Credentials are taken for expired a little early: the lifetime counts from the start of the request, and the server's
 * clock has whole seconds. In milliseconds.
 */
const EARLY_MS = 2100;
/** The time of a request that hangs, and some more, in milliseconds. */
const IDLE_MS = common.timeoutMs + 1000;

let isPaused = false;
let isDone = false;
let underWay = 0;

/** What became of the calls of some sessions. */
const tally = () => ({ sessions: 0, calls: 0, failures: {}, lost: 0, expired: 0, longestMs: 0 });
const tallies = { file: tally(), fleet: tally(), token: tally() };

async function call(one, counts) {
  const beganMs = performance.now();
  counts.calls++;
  underWay++;
  try {
    const { expiration } = await one.session.credentials();
    one.endsMs = expiration.getTime();
    if (one.endsMs <= Date.now()) counts.expired++;
  } catch ({ code, message }) {
    counts.failures[code ?? message] = (counts.failures[code ?? message] ?? 0) + 1;
    if (Date.now() < one.endsMs - EARLY_MS) counts.lost++;
  }
  underWay--;
  counts.longestMs = Math.max(counts.longestMs, Math.round(performance.now() - beganMs));
}

/** The resources between two refreshes, which go on in the background: the least of several measurements. */
async function leastResources() {
  let least = await resources();
  for (let times = 1; times < MEASUREMENTS; times++) {
    const used = await resources();
    if (used.allocated < least.allocated) least = used;
  }
  return least;
}

const MEASUREMENTS = 5;

const sessions = [];

/** Adds a session, with callers that call in a loop. */
function add(session, counts, { callers, everyMs }) {
  const one = { session, endsMs: 0 };
  counts.sessions++;
  sessions.push(session);
  const loop = async () => {
    while (!isDone) {
      if (!isPaused) await call(one, counts);
      await sleep(everyMs * (0.5 + Math.random()));
    }
  };
  return Array.from({ length: callers }, loop);
}

async function start() {
  const { thingName: _, certificate, ...shared } = common;
  const session = (options) => createSession({ ...common, ...options });
  const fleet = createFleet(shared);
  const loops = [
    add(session(file), tallies.file, { callers: 8, everyMs: 50 }),
    add(session(token), tallies.token, { callers: 2, everyMs: 200 }),
  ];
  for (const thing of things) {
    loops.push(add(await fleet.add(thing), tallies.fleet, { callers: 1, everyMs: 1000 }));
  }
  return { fleet, loops: loops.flat() };
}

const started = start();

const COMMANDS = {
  /** What was used and done so far, while no call is under way. */
  async measure() {
    isPaused = true;
    while (underWay > 0) await sleep(20);
    await sleep(IDLE_MS);
    const used = await leastResources();
    isPaused = false;
    return { used, tallies };
  },
  /** A new fetch by each session, one at a time, which must succeed. Returns what failed. */
  async refresh() {
    const failed = [];
    for (const session of sessions) {
      await session.refresh().catch(({ message }) => failed.push(message));
    }
    return failed;
  },
  async close() {
    isDone = true;
    const { fleet, loops } = await started;
    await Promise.all(loops);
    await Promise.all([fleet.close(), ...sessions.map((session) => session.close())]);
    return { used: await resources(), tallies };
  },
};

process.on('message', async (name) => {
  process.send(await COMMANDS[name]());
  if (name === 'close') process.disconnect();
});
