// Run by soak.sh: npm run soak
//   npm run soak                     sessions while the credential provider has random faults, for MINUTES (default 10)
//   npm run soak -- exchanges        EXCHANGES in one process with a key in a file, and TOKEN_EXCHANGES with a token
//   npm run soak -- environments     the same under node --watch, in a worker thread and in a cluster worker
// Each prints what was done and used, as Markdown, and fails if something was lost or grows.
import { soakExchanges } from './exchanges.mjs';
import { soakFaults } from './faults.mjs';

const KINDS = { faults: soakFaults, exchanges: soakExchanges, environments: soakExchanges };

const [kind = 'faults'] = process.argv.slice(2);
if (!Object.hasOwn(KINDS, kind)) {
  throw new Error(`expected one of ${Object.keys(KINDS).join(', ')}, got ${kind}`);
}
const problems = await KINDS[kind](kind);
for (const problem of problems) console.error(`soak: error: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
