// Run by in-process.test.ts: worker threads and the main thread use one token at once, while the main thread parses
// its own keys and signs with them; it continues after the workers have exited.
//   node threads.mjs OPTIONS_AS_JSON
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createSession } from 'awsiot-credentialhelper';

const sessions = isMainThread ? JSON.parse(process.argv[2]) : workerData;

async function exchange(rounds) {
  let done = 0;
  for (let i = 0; i < rounds; i++) {
    for (const options of sessions) {
      const { sessionToken } = await createSession(options).credentials();
      if (sessionToken === options.certificate) done++;
    }
  }
  return done;
}

if (isMainThread) {
  const keys = [];
  const pems = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ].map(({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const workers = Array.from(
    { length: 3 },
    () =>
      new Promise((resolve, reject) => {
        let answer;
        const worker = new Worker(new URL(import.meta.url), { workerData: sessions });
        worker.on('message', (done) => {
          answer = done;
        });
        worker.on('error', reject).on('exit', () => resolve(answer));
      }),
  );
  let running = true;
  const inWorkers = Promise.all(workers).finally(() => {
    running = false;
  });
  const inMain = exchange(10);
  while (running) {
    for (const pem of pems) keys.push(createPrivateKey(pem));
    await new Promise(setImmediate);
  }
  const data = Buffer.from('data');
  const wrong = keys.filter(
    (key) => !verify('sha256', data, createPublicKey(key), sign('sha256', data, key)),
  );
  console.log(
    JSON.stringify({
      workers: await inWorkers,
      main: await inMain,
      afterwards: await exchange(10),
      keys: keys.length > 100,
      wrong: wrong.length,
    }),
  );
} else {
  parentPort.postMessage(await exchange(10));
}
