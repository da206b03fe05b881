// How start, memory and the decision on a request depend on the number of things. The records are written into the
// journal as the emulator would: all with the text of one certificate, under ids of their own.
//   npm run build && node packages/emulator/bench/scale.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';

const BUILT = fileURLToPath(import.meta.resolve('awsiot-credentialhelper-emulator'));
const REQUESTS = 300;

async function measure(count) {
  const dir = mkdtempSync(join(tmpdir(), 'emulator-bench-'));
  const aws = await startEmulator({ dir });
  const device = await aws.seed({ thingName: 'one', roleAlias: 'alias', keyType: 'EC-P256' });
  await aws.close();
  const lines = [];
  for (let i = 0; i < count; i++) {
    const id = createHash('sha256').update(String(i)).digest('hex');
    const thing = {
      thingName: `thing-${i}`,
      thingId: id.slice(0, 36),
      version: 1,
      attributes: {},
    };
    const certificate = {
      certificateId: id,
      certificatePem: device.certificatePem,
      status: 'ACTIVE',
      creationMs: 0,
      lastModifiedMs: 0,
    };
    const changes = [
      ['certificates', id, certificate],
      ['things', thing.thingName, thing],
      ['thingCertificates', thing.thingName, id, 1],
      ['certificatePolicies', id, 'alias-policy', 1],
    ];
    lines.push(JSON.stringify(changes));
  }
  appendFileSync(join(dir, 'records.jsonl'), lines.length > 0 ? `${lines.join('\n')}\n` : '');
  const program = `
    import https from 'node:https';
    import { startEmulator } from ${JSON.stringify(BUILT)};
    const begin = performance.now();
    const aws = await startEmulator({ dir: ${JSON.stringify(dir)} });
    const startMs = performance.now() - begin;
    const { certificatePem, privateKeyPem } = JSON.parse(process.argv[1]);
    const [host, port] = aws.credentialsEndpoint.split(':');
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const get = () => new Promise((resolve, reject) => https.get({ host, port, agent, ca: aws.ca,
      cert: certificatePem, key: privateKeyPem, path: '/role-aliases/alias/credentials',
      headers: { 'x-amzn-iot-thingname': 'one' } },
      (response) => response.resume().on('end', () => resolve(response.statusCode))).on('error', reject));
    if (await get() !== 200) throw new Error('no credentials');
    const times = [];
    for (let i = 0; i < ${REQUESTS}; i++) {
      const t = performance.now(); await get(); times.push(performance.now() - t);
    }
    times.sort((a, b) => a - b);
    console.log(JSON.stringify({ startMs, requestMs: times[${REQUESTS} / 2], rssMb: process.memoryUsage().rss / 1e6 }));
    agent.destroy(); await aws.close();`;
  const argument = JSON.stringify(device);
  const printed = execFileSync(
    process.execPath,
    ['--input-type=module', '--eval', program, argument],
    { encoding: 'utf8' },
  );
  rmSync(dir, { recursive: true });
  return JSON.parse(printed);
}

let base;
console.log('things    start         memory        request over a kept connection (median)');
for (const count of [10, 1000, 10_000]) {
  const { startMs, rssMb, requestMs } = await measure(count);
  base ??= { startMs, rssMb, requestMs };
  const cell = (value, unit, reference) =>
    `${value.toFixed(unit === 'ms' && value < 10 ? 2 : 0)} ${unit} ${(value / reference).toFixed(2)}x`;
  console.log(
    String(count).padEnd(9),
    cell(startMs, 'ms', base.startMs).padEnd(13),
    cell(rssMb, 'MB', base.rssMb).padEnd(13),
    cell(requestMs, 'ms', base.requestMs),
  );
}
