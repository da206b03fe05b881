// Whole processes that get credentials once from the emulator, side by side with what a user would pick instead.
// Prints the median of each in milliseconds and, pair by pair in each round, against node:https with the key in a file;
// only the ratios mean anything.
//   npm run bench            (builds first; ROUNDS=20 for more rounds)
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';

const ROUNDS = Number(process.env.ROUNDS ?? 10);
const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';
const LIBRARY = fileURLToPath(import.meta.resolve('awsiot-credentialhelper'));
const CLI = join(LIBRARY, '../cli/main.js');

const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
process.env.XDG_STATE_HOME = join(folder, 'state');
mkdirSync(join(folder, 'tokens'));
writeFileSync(process.env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, 'tokens')}\n`);

const aws = await startEmulator({ dir: join(folder, 'aws') });
const device = await aws.seed({ thingName: 'bench', roleAlias: 'bench' });
const file = (name, text) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
const certificate = file('cert.pem', device.certificatePem);
const privateKey = file('key.pem', device.privateKeyPem);
const pin = file('pin', '12345678\n');
const token = (...args) => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'token', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
};
token('init', '--module', SOFTHSM, '--label', 'bench', '--pin-file', pin, '--so-pin-file', pin);
token(
  ...['import', '--module', SOFTHSM, '--token-label', 'bench', '--pin-file', pin],
  ...['--label', 'bench', '--key', privateKey, '--certificate', certificate],
);

const url = `https://${aws.credentialsEndpoint}/role-aliases/bench/credentials`;
const [host, port] = aws.credentialsEndpoint.split(':');
const common = {
  endpoint: aws.credentialsEndpoint,
  region: aws.region,
  roleAlias: 'bench',
  thingName: 'bench',
  certificate,
  ca: aws.caFile,
};
const pkcs11 = { library: SOFTHSM, userPin: { file: pin }, tokenLabel: 'bench' };
const session = (options) =>
  `import { createSession } from ${JSON.stringify(LIBRARY)};
   await createSession(${JSON.stringify({ ...common, ...options })}).credentials();`;
const bare = `
  import https from 'node:https'; import fs from 'node:fs';
  https.get({ host: '${host}', port: ${port}, path: '/role-aliases/bench/credentials', agent: false,
    headers: { 'x-amzn-iot-thingname': 'bench' }, ca: fs.readFileSync('${aws.caFile}'),
    cert: fs.readFileSync('${certificate}'), key: fs.readFileSync('${privateKey}') },
    (response) => response.resume());`;
const node = (program) => [process.execPath, '--input-type=module', '--eval', program];

const BASE = 'node:https alone, key in a file';
const CASES = {
  'curl, key in a file': [
    'curl',
    ...['--silent', '--fail', '--output', '/dev/null', '--cacert', aws.caFile],
    ...['--cert', certificate, '--key', privateKey, '--header', 'x-amzn-iot-thingname: bench', url],
  ],
  'node, doing nothing': node(''),
  [BASE]: node(bare),
  'session, key in a file': node(session({ privateKey })),
  'session, key in a token, in the calling process': node(session({ pkcs11, isolate: false })),
  'session, key in a token, in a child process': node(session({ pkcs11 })),
  'command line, --version': [process.execPath, CLI, '--version'],
};

const run = ([command, ...args]) =>
  new Promise((resolve, reject) => {
    const begin = performance.now();
    execFile(command, args, (error) =>
      error ? reject(error) : resolve(performance.now() - begin),
    );
  });

const times = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  // In turn, so that what else the machine does falls on all alike.
  for (const [name, command] of Object.entries(CASES)) times[name].push(await run(command));
}
await aws.close();

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const base = times[BASE];
console.log(`median of ${ROUNDS} rounds, Node.js ${process.version}`);
for (const [name, values] of Object.entries(times)) {
  const ratio = median(values.map((ms, round) => ms / base[round]));
  console.log(
    `${name.padEnd(50)} ${median(values).toFixed(0).padStart(5)} ms ${ratio.toFixed(2).padStart(6)} x`,
  );
}
