// Run by nss.test.ts: opens an identity, then another in a worker thread, and prints the code of each error or `opened`.
//   node two-databases.mjs FIRST_OPTIONS_AS_JSON OTHER_OPTIONS_AS_JSON
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';

async function open(options) {
  return openTlsIdentity(options).then(
    () => 'opened',
    ({ code }) => code,
  );
}

if (isMainThread) {
  const [first, other] = process.argv.slice(2).map((argument) => JSON.parse(argument));
  const inMain = await open(first);
  const worker = new Worker(new URL(import.meta.url), { workerData: other });
  const inWorker = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  console.log(JSON.stringify([inMain, inWorker, await open(other)]));
  process.exit();
} else {
  parentPort.postMessage(await open(workerData));
}
