// Run by life.test.ts: a process that requests credentials, and exits meanwhile.
//   node endings.mjs SESSION_AS_JSON exit|wait
import { createSession } from 'awsiot-credentialhelper';

const [options, ending] = process.argv.slice(2);
const session = createSession(JSON.parse(options));
session.credentials().catch(() => {});
if (ending === 'exit') setTimeout(() => process.exit(), 1500);
