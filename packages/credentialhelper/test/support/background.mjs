// Run by life.test.ts: gets credentials, requests them again when a refresh is due, closes the session if told to, and
// exits; sends a message for each. "told" waits for a message before the second request.
//   node background.mjs SESSION_AS_JSON [close|told]
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSession } from 'awsiot-credentialhelper';

const [options, ending] = process.argv.slice(2);
const session = createSession(JSON.parse(options));
await session.credentials();
process.send('first');
if (ending === 'told') await once(process, 'message');
await sleep(session.stats.nextFetch - Date.now() + 50);
const { accessKeyId } = await session.credentials();
process.send(accessKeyId);
if (ending === 'close') {
  await session.close();
  process.send('closed');
}
process.disconnect();
