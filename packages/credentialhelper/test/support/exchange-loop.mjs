// Run by in-process.test.ts: sends requests with keys in a token in this process, and reports leaks.
//   node --expose-gc exchange-loop.mjs LIST_OF_OPTIONS_AS_JSON WARM_UP COUNT
import { createSession } from 'awsiot-credentialhelper';
import { measure } from './memory.mjs';

const [sessions, warmUp, count] = process.argv.slice(2).map((argument) => JSON.parse(argument));

async function exchange(times) {
  // A session caches its credentials: a new one for each request.
  for (let i = 0; i < times; i++) await createSession(sessions[i % sessions.length]).credentials();
}

await exchange(warmUp);
const before = await measure();
await exchange(count);
console.log(JSON.stringify({ before, after: await measure() }));
