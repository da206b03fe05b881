// The requests a second of `serve`, compared with a bare server of node:http that answers with the same body. wrk sends them.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { DIST } from '../scripts/device.mjs';
import { sessionFlags } from './programs.mjs';

/** Short, so that both are measured at the same speed of a machine that changes it. */
const SECONDS = 1;
const CONNECTIONS = 32;

const BARE_SERVER = `
  const [body] = process.argv.slice(1);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const server = require('node:http').createServer((request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
`;

/**
 * Measures both in turn, in new processes for each sample: of two processes that run the same program, one answers up to a
 * third more requests than the other, as long as they run. Returns the ratios of the requests a second.
 *
 * @param device - that of `makeDevice()`
 */
export async function measureServe(device, samples) {
  const ratios = [];
  for (let sample = 0; sample < samples; sample++) ratios.push(await measurePair(device));
  return ratios;
}

async function measurePair(device) {
  const tokenFile = join(device.folder, 'serve-token');
  const serve = await start([
    ...[join(DIST, 'cli/main.js'), 'serve', '--json', '--listen', '127.0.0.1:0'],
    ...['--token-file', tokenFile],
    ...sessionFlags({ ...device.common, ...device.inFile }),
  ]);
  const headers = { authorization: readFileSync(tokenFile, 'utf8') };
  const url = serve.said.things[0].variables.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  const bare = await start(['-e', BARE_SERVER, await bodyOf(url, headers)]);
  const bareUrl = `http://127.0.0.1:${bare.said.port}/`;
  const measureOnce = async () =>
    (await requestsPerSecond(url, headers)) / (await requestsPerSecond(bareUrl, headers));
  // Both compile their code.
  await measureOnce();
  const ratio = await measureOnce();
  for (const { child } of [serve, bare]) {
    child.kill();
    await once(child, 'close');
  }
  return ratio;
}

/** Starts a program, and reads its first line, which is JSON. */
async function start(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    try {
      return { child, said: JSON.parse(text) };
    } catch {
      // It goes on in the next line.
    }
  }
  const [status] = await once(child, 'close');
  throw new Error(`${args.slice(0, 2).join(' ')} ended with ${status}`);
}

/** The credentials; there are none in the first moments. */
async function bodyOf(url, headers) {
  for (;;) {
    const response = await fetch(url, { headers });
    const body = await response.text();
    if (response.ok) return body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function requestsPerSecond(url, headers) {
  const { stdout } = await promisify(execFile)('wrk', [
    ...['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${SECONDS}s`],
    ...['--header', `authorization: ${headers.authorization}`, url],
  ]);
  if (/Non-2xx/.test(stdout)) throw new Error(stdout);
  return Number(/Requests\/sec: *([\d.]+)/.exec(stdout)[1]);
}
