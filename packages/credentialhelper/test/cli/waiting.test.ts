import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
afterEach(() => aws.faults.clear());
const { env } = await createDevice(aws, folder);

const library = buildFaultyModule(folder);

const CLEAR = '\r\u001b[K';

/** Runs a command whose stderr is a terminal; returns what that shows, and what is on stdout. */
async function onTerminal(args: readonly string[], more: Record<string, string> = {}) {
  const output = join(folder, `stdout-${Math.random()}`);
  const command = `'${process.execPath}' '${MAIN}' ${args.join(' ')} >'${output}'`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', ...env, ...more },
  });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { status, seen, stdout: readFileSync(output, 'utf8') };
}

describe('a command that waits for more than a second on a terminal', () => {
  it('names the host, and clears the line', async () => {
    aws.faults.add({ delayMs: 2500 });
    const { status, seen, stdout } = await onTerminal(['env']);
    expect(status).toBe(0);
    expect(seen).toContain(`awsiot-credentialhelper: waiting for ${aws.credentialsEndpoint} …`);
    expect(seen.endsWith(CLEAR)).toBe(true);
    expect(stdout).toMatch(/^export AWS_ACCESS_KEY_ID='ASIA/);
  });

  it('names the error and when it retries, and then shows the error alone', async () => {
    aws.faults.add({ response: { status: 503 } });
    const { status, seen } = await onTerminal(['whoami', '--max-wait-ms', '4000']);
    expect(status).toBe(1);
    expect(seen).toMatch(/ERR_SERVICE; retry in [12] s …/);
    expect(seen.split(CLEAR).at(-1)).toMatch(/^awsiot-credentialhelper: error: .*HTTP 503/);
  });

  it('names the step that doctor tests', async () => {
    aws.faults.add({ connection: 'no-handshake' });
    const { status, seen } = await onTerminal(['doctor', '--timeout-ms', '2500']);
    expect(status).toBe(1);
    expect(new Set(seen.match(/testing \w+ …/g))).toEqual(new Set(['testing server …']));
  });

  it('names the token', async () => {
    const options = ['--uri', "'pkcs11:token=none'", '--module', library, '--timeout-ms', '2500'];
    const { status, seen } = await onTerminal(['env', ...options], {
      AWS_IOT_PRIVATE_KEY: '',
      FAULT: 'hang',
    });
    expect(status).toBe(1);
    expect(seen).toContain('awsiot-credentialhelper: waiting for the token (libfaulty.so) …');
  });

  it('names the token of a token command', async () => {
    const { seen } = await onTerminal(
      ['token', 'list', '--module', library, '--timeout-ms', '2500'],
      { FAULT: 'hang' },
    );
    expect(seen).toContain('awsiot-credentialhelper: waiting for the token …');
  });

  it.each([
    ['has a log', { AWS_IOT_LOG: 'error' }],
    ['cannot erase', { TERM: 'dumb' }],
  ])('shows nothing on a terminal that %s', async (_, more) => {
    aws.faults.add({ delayMs: 1500 });
    expect((await onTerminal(['env'], more)).seen).toBe('');
  });
});

describe('a command that waits', () => {
  it('shows nothing for less than a second', async () => {
    expect((await onTerminal(['env'])).seen).toBe('');
  });

  it('shows nothing without a terminal', async () => {
    aws.faults.add({ delayMs: 1500 });
    const { status, stderr } = await run(['env'], { env });
    expect([status, stderr]).toEqual([0, '']);
  });
});
