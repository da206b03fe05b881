// Asks AWS STS who it is, twice, with what the test changes in between; prints what it saw as JSON lines.
import { once } from 'node:events';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createSession } from 'awsiot-credentialhelper';

const { stsEndpoint, ...options } = JSON.parse(process.argv[2]);
const warnings = [];
const logger = { debug() {}, info() {}, warn: (text) => warnings.push(text), error() {} };
const session = createSession({ ...options, logger });
for (;;) {
  const sts = new STSClient({ ...session, endpoint: stsEndpoint });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  const { accessKeyId, expiration } = await session.credentials();
  const leftMs = expiration - Date.now();
  console.log(JSON.stringify({ Arn, accessKeyId, leftMs, now: Date.now(), warnings }));
  const [line] = await once(process.stdin, 'data');
  if (String(line).trim() === 'end') break;
}
process.exit();
