// Run as a separate process, with a session's options as its argument: prints the time of the import of the library,
// and of a call with credentials in memory, compared with an async function that returns a constant.
const CALLS = 100_000;
const ROUNDS = 5;

const begin = performance.now();
const { createSession } = await import('awsiot-credentialhelper');
const importMs = performance.now() - begin;

const { credentials } = createSession(JSON.parse(process.argv[2]));
const value = await credentials();
const constant = async () => value;

async function nanoseconds(call) {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await call();
  return ((performance.now() - start) * 1e6) / CALLS;
}

await nanoseconds(credentials);
await nanoseconds(constant);
const calls = [];
for (let round = 0; round < ROUNDS; round++) {
  calls.push({ cached: await nanoseconds(credentials), constant: await nanoseconds(constant) });
}
console.log(JSON.stringify({ importMs, calls }));
