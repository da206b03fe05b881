// Run by life.test.ts: a fleet that is kept fresh, in a process that only the channel to its parent keeps running. It
// prints the number of things whose turn did not come before its end.
//   node fresh-fleet.mjs JSON
import { writeSync } from 'node:fs';
import { createFleet } from 'awsiot-credentialhelper';

const { options, thing, count } = JSON.parse(process.argv[2]);
const logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [level, () => {}]),
);
const fleet = createFleet({ ...options, logger });
process.on('exit', () => writeSync(1, `${fleet.requests.waiting}\n`));
for (let index = 0; index < count; index++) {
  await fleet.add({ thingName: `thing-${index}`, ...thing });
}
process.on('message', () => process.send([...fleet.sessions.values()][0].stats.failures));
process.send('added');
