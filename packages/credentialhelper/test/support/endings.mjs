// Run by life.test.ts: a process that requests credentials, and exits meanwhile, when it reads something.
//   node endings.mjs SESSION_AS_JSON exit|wait
import { createSession } from 'awsiot-credentialhelper';

const [options, ending] = process.argv.slice(2);
const session = createSession(JSON.parse(options));
session.credentials().catch(() => {});
if (ending === 'exit') process.stdin.once('data', () => process.exit());
