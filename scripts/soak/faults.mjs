// Sessions in one process, for some minutes, while the credential provider in this one has random faults; fails if a call
// failed while credentials were valid, if expired ones were returned, if a session did not recover, or if a resource grows.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeDevice, row } from '../device.mjs';
import { cellsOf, growing, HEADS, NODE_FLAGS } from './resources.mjs';

const PROGRAM = fileURLToPath(new URL('faults-program.mjs', import.meta.url));
const MINUTES = Number(process.env.MINUTES ?? 10);
const THINGS = 200;
const TIMEOUT_MS = 3000;
const PARTS = 5;

const between = (least, most) => least + Math.random() * (most - least);
const oneOf = (values) => values[Math.floor(Math.random() * values.length)];
const refusal = (status, message, headers = {}) => ({
  response: { status, body: JSON.stringify({ message }), headers },
});

/** What can go wrong, several times by the time credentials expire. */
const FAULTS = [
  refusal(503, 'Service Unavailable'),
  refusal(503, 'Service Unavailable', { 'retry-after': '3' }),
  refusal(500, 'Internal failure'),
  refusal(429, 'Rate exceeded', { 'retry-after': '2' }),
  refusal(429, 'Rate exceeded'),
  { requestsPerSecond: 3 },
  { action: 'hang' },
  { action: 'reset' },
  { action: 'reset-in-body' },
  { action: 'truncate' },
  { delayMs: 1000 },
  { delayMs: 2 * TIMEOUT_MS },
  { bytesPerSecond: 1000 },
  { bytesPerSecond: 10 },
  { connection: 'no-handshake' },
  { tlsAlert: 'handshake_failure' },
  { serverCertificate: 'expired' },
];
/** The listener is closed: there are no requests to choose from. */
const REFUSED = { connection: 'refuse' };

/** Faults that need someone to mend something: sessions try again more slowly. */
const SLOW_FAULTS = [
  refusal(403, 'Access Denied'),
  { serverCertificate: 'other-name' },
  { serverCertificate: 'untrusted' },
  { tlsAlert: 'bad_certificate' },
  refusal(200, 'no credentials'),
];

function randomFault() {
  const kind = Math.random();
  if (kind < 0.1) return REFUSED;
  return { ...oneOf(kind < 0.9 ? FAULTS : SLOW_FAULTS), probability: oneOf([0.2, 0.5, 1]) };
}

/** Adds and removes random faults, and changes the lifetime of credentials, for some time. */
async function misbehave({ faults, credentials }, ms) {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    faults.clear();
    credentials.setLifetime(between(20_000, 60_000));
    if (Math.random() < 0.6) faults.add(randomFault());
    await sleep(Math.min(between(1000, 8000), endMs - performance.now()));
  }
  faults.clear();
}

/** The things of the fleet, each with its own certificate and key. */
async function makeThings(aws, count) {
  const things = [];
  for (let index = 0; index < count; index++) {
    const thingName = `thing-${index}`;
    const { certificatePem, privateKeyPem } = await aws.seed({
      ...{ thingName, roleAlias: 'alias', keyType: 'EC-P256' },
    });
    things.push({ thingName, certificate: certificatePem, privateKey: privateKeyPem });
  }
  return things;
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const failuresOf = ({ failures }) => sum(Object.values(failures));
const MEMBERS = [
  ['a session, key in a file', 'file'],
  ['a fleet, keys in memory', 'fleet'],
  ['a session, key in a token', 'token'],
];

function printCalls(tallies) {
  const heads = ['what', 'sessions', 'calls', 'longest, ms', 'failed', 'with', 'while valid'];
  row([...heads, 'expired']);
  row([...heads, ''].map(() => '---'));
  for (const [what, name] of MEMBERS) {
    const { sessions, calls, failures, lost, expired, longestMs } = tallies[name];
    const codes = Object.entries(failures).map(([code, count]) => `${count} ${code}`);
    const counts = [failuresOf(tallies[name]), codes.join(', ') || 'none', lost, expired];
    row([what, sessions, calls, longestMs, ...counts]);
  }
}

function problemsOf(tallies) {
  return MEMBERS.flatMap(([what, name]) => {
    const { calls, lost, expired } = tallies[name];
    return [
      ...(lost > 0 ? [`${lost} calls failed while credentials were valid`] : []),
      ...(expired > 0 ? [`${expired} calls got expired credentials`] : []),
      ...(failuresOf(tallies[name]) > calls / 2 ? ['most calls failed'] : []),
    ].map((problem) => `${what}: ${problem}`);
  });
}

/** Runs for `MINUTES`, prints two tables, and returns the problems. */
export async function soakFaults() {
  const { aws, folder, write, common, inFile, inToken, close } = await makeDevice();
  aws.credentials.setLifetime(30_000);
  const request = write(
    'request.json',
    JSON.stringify({
      common: { ...common, timeoutMs: TIMEOUT_MS, keepFresh: true },
      file: inFile,
      token: inToken,
      things: await makeThings(aws, THINGS),
    }),
  );
  const child = fork(PROGRAM, [request], { cwd: folder, execArgv: NODE_FLAGS });
  const ask = async (command) => {
    child.send(command);
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the sessions' process exited: ${code ?? signal}`);
    });
    const [answer] = await Promise.race([once(child, 'message'), ended]);
    return answer;
  };
  const heads = ['minutes', 'calls', 'failed', 'requests', ...HEADS];
  row(heads);
  row(heads.map(() => '---'));
  const beganMs = performance.now();
  const printUse = ({ used, tallies }) => {
    const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1);
    const counts = Object.values(tallies);
    const requests = sum(Object.values(aws.requests.counters.credentials));
    const calls = sum(counts.map((one) => one.calls));
    row([minutes, calls, sum(counts.map(failuresOf)), requests, ...cellsOf(used)]);
    return used;
  };
  const partMs = (MINUTES * 60_000) / PARTS;
  // The first part is the warm-up.
  const measured = [];
  for (let part = 0; part < PARTS; part++) {
    await misbehave(aws, partMs);
    measured.push(printUse(await ask('measure')));
  }
  const unrecovered = await ask('refresh');
  const end = await ask('close');
  printUse(end);
  console.log();
  printCalls(end.tallies);
  await close();
  return [
    ...problemsOf(end.tallies),
    ...unrecovered.map((message) => `a session did not recover: ${message}`),
    ...growing(measured[0], measured.at(-1), 0).map((name) => `${name} grows`),
    ...(end.used.children > 0 ? [`${end.used.children} child processes are left`] : []),
  ];
}
