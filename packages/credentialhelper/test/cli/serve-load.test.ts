// 200 connections at once, while the credential provider is down, slow or wrong.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Emulator, type Fault, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createDevice } from '../support/device.ts';
import { someOf } from '../support/often.ts';
import { type Serving, send, startServe, until } from '../support/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);
const env = { ...device.env, AWS_IOT_TIMEOUT_MS: '1000' };
const PROGRAM = fileURLToPath(new URL('../support/serve-load.mjs', import.meta.url));

let serving: Serving;
afterEach(async () => {
  aws.faults.clear();
  expect(await serving.stop()).toBe(0);
});
const start = async () => {
  serving = await startServe(
    ['--listen', '127.0.0.1:0', '--token-file', join(folder, 'token')],
    env,
  );
};
/** The answers to 200 connections in some milliseconds. */
const load = async (ms: number) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[PROGRAM, `${serving.base}/credentials`, serving.token, '200', String(ms)],
  ]);
  return JSON.parse(stdout) as Readonly<Record<string, number>>;
};

const FAULTS: readonly (readonly [string, Fault])[] = [
  ['refuses connections', { connection: 'refuse' }],
  ['never answers', { action: 'hang' }],
  ['is slower than the time limit', { delayMs: 2000 }],
  ['has the wrong certificate', { serverCertificate: 'untrusted' }],
  ['answers 500', { response: { status: 500, body: 'no' } }],
  ['answers nothing', { response: { status: 200, body: '' } }],
  ['answers with empty credentials', { response: { status: 200, body: '{"credentials":{}}' } }],
  ['gives credentials that have expired', { lifetimeMs: -1000 }],
];

describe('serve under 200 connections', () => {
  it.each(someOf(FAULTS))(
    'serves valid credentials as long as there are, if AWS %s',
    async (_, fault) => {
      // They are to be refreshed after half of that.
      aws.faults.add({ lifetimeMs: 10_000, count: 1 });
      await start();
      await until(async () => (await send(`${serving.base}/readyz`)).status === 200);
      aws.faults.add(fault);
      const answers = await load(6500);
      expect(Object.keys(answers)).toEqual(['200']);
      expect(answers['200']).toBeGreaterThan(1000);
    },
  );

  it.each(someOf(FAULTS).slice(1))(
    'answers 503 with the reason, and never empty, if there are none as AWS %s',
    async (_, fault) => {
      aws.faults.add(fault);
      await start();
      const answers = await load(2000);
      expect(Object.keys(answers)).toEqual(['503 with a reason']);
    },
  );

  it('changes from none to valid to none, and never to expired ones', async () => {
    aws.faults.add({ response: { status: 503 }, count: 1 });
    aws.faults.add({ lifetimeMs: 3000, count: 1 });
    aws.faults.add({ response: { status: 503 } });
    await start();
    const answers = await load(7000);
    expect(Object.keys(answers).sort()).toEqual(['200', '503 with a reason']);
    await serving.said('there are no valid credentials');
  });
});
