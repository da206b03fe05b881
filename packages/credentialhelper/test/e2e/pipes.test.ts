import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSession, fromIotCore } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { describe, expect, it } from 'vitest';
import { run } from '../support/cli.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { startRawServer } from '../support/raw-server.ts';
import { PIN } from '../support/softhsm.ts';
import { startTokens } from '../support/token.ts';

const tokens = startTokens();
const { folder } = tokens;
const device = makeSelfSigned(folder, 'device');
const server = await startRawServer(folder);
const credentials = {
  accessKeyId: 'ASIA',
  secretAccessKey: 'secret',
  sessionToken: 'token',
  expiration: new Date(Date.now() + 60_000).toISOString(),
};
const body = JSON.stringify({ credentials });
server.behave = (socket) =>
  socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
const options = {
  endpoint: server.endpoint,
  region: 'eu-west-1',
  roleAlias: 'the-alias',
  maxWaitMs: 0,
  ca: server.caFile,
};

let made = 0;
/** A FIFO to which another process writes the content of a file. */
function fifo(file?: string): string {
  const path = join(folder, `fifo-${made++}`);
  execFileSync('mkfifo', [path]);
  if (file !== undefined) spawn('sh', ['-c', `sleep 0.2; cat "${file}" >"${path}"`]);
  return path;
}

describe('a session', () => {
  it('reads certificate and key from pipes, once', async () => {
    const certificate = fifo(device.certificateFile);
    const { credentials: provider } = createSession({
      ...options,
      certificate,
      privateKey: fifo(device.keyFile),
    });
    expect((await provider()).accessKeyId).toBe('ASIA');
    const again = fromIotCore({
      ...options,
      certificate,
      privateKey: device.keyFile,
      timeoutMs: 300,
    });
    expect((await errorOf(again)).message).toContain('its end did not come within 300 ms');
  });

  it('waits for a pipe and a PIN no longer than its timeout in total', async () => {
    const pkcs11 = {
      library: tokens.flags('pipes')[1] ?? '',
      tokenLabel: 'pipes',
      userPin: () => new Promise<string>(() => {}),
    };
    const session = createSession({
      ...options,
      certificate: device.certificateFile,
      pkcs11,
      timeoutMs: 400,
    });
    const begin = performance.now();
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_SECRET_SOURCE');
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it('reads a TLS identity from pipes', async () => {
    const identity = await openTlsIdentity({
      certificate: fifo(device.certificateFile),
      privateKey: fifo(device.keyFile),
    });
    expect(identity.certificate.subject).toBe('CN=device');
  });
});

describe('a command', () => {
  it('reads key, certificate and PIN from pipes of the shell', async () => {
    const [, module = ''] = tokens.flags('shell');
    const command = `"$NODE" "$MAIN" token import --module "${module}" --token-label shell --label k \\
      --pin-file <(printf '%s\\n' "$THE_PIN") --key <(cat "${device.keyFile}") --certificate /dev/stdin`;
    const main = new URL('../../dist/cli/main.js', import.meta.url).pathname;
    const stdout = execFileSync('bash', ['-c', command], {
      input: readFileSync(device.certificateFile),
      env: { ...process.env, NODE: process.execPath, MAIN: main, THE_PIN: PIN },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    expect(stdout.toString()).toMatch(/^imported a private key .* and 1 certificate/);
    expect(tokens.kinds('shell')).toEqual(['Certificate', 'Private Key', 'Public Key']);
  });

  it('does not wait for an empty closed pipe', async () => {
    const command = `"$NODE" "$MAIN" token import --module "$MODULE" --token-label shell --label k --key <(true)`;
    const main = new URL('../../dist/cli/main.js', import.meta.url).pathname;
    const [, MODULE = ''] = tokens.flags('shell');
    const begin = performance.now();
    const { stderr } = spawnSync('bash', ['-c', command], {
      env: { ...process.env, NODE: process.execPath, MAIN: main, MODULE },
      encoding: 'utf8',
    });
    expect(stderr).toContain('is empty');
    expect(performance.now() - begin).toBeLessThan(30_000);
  });

  it('names the pipe that it waited for', async () => {
    const args = ['token', 'import', ...tokens.flags('shell'), '--label', 'k', '--key', fifo()];
    const { status, stderr } = await run([...args, '--timeout-ms', '5000']);
    expect(stderr).toMatch(/pipe ".*" given as "--key": its end did not come within 4000 ms/);
    expect(status).toBe(1);
  });
});
