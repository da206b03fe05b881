// Run by life.test.ts: gets credentials, requests them again when a refresh is due, closes the session if told to, and
// exits; prints when.
//   node background.mjs SESSION_AS_JSON [close]
import { setTimeout as sleep } from 'node:timers/promises';
import { createSession } from 'awsiot-credentialhelper';

const [options, ending] = process.argv.slice(2);
const session = createSession(JSON.parse(options));
await session.credentials();
process.send('first');
await sleep(session.stats.nextFetch - Date.now() + 50);
const { accessKeyId } = await session.credentials();
process.send(accessKeyId);
if (ending === 'close') {
  await session.close();
  process.send('closed');
}
process.disconnect();
