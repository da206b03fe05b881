// Run by "exec" in tests: calls STS with the default credentials of the AWS SDK for some seconds, and prints what it saw.
//   node sts-loop.mjs ENDPOINT MILLISECONDS
import { setTimeout as sleep } from 'node:timers/promises';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const [, , endpoint, ms] = process.argv;
const sts = new STSClient({ endpoint });
const keys = new Set();
const arns = new Set();
let calls = 0;
for (const endMs = Date.now() + Number(ms); Date.now() < endMs; ) {
  arns.add((await sts.send(new GetCallerIdentityCommand({}))).Arn);
  keys.add((await sts.config.credentials()).accessKeyId);
  calls++;
  await sleep(50);
}
console.log(JSON.stringify({ calls, keys: keys.size, arns: [...arns] }));
