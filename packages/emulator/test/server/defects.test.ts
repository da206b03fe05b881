import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type RequestRecord, startEmulator } from '../../src/index.ts';
import { BUILT } from '../support/processes.ts';
import { sendRaw, signRaw } from '../support/raw-api.ts';

const folder = mkdtempSync(join(tmpdir(), 'emulator-defects-'));
const logFile = join(folder, 'log');
/** What the emulator cannot know of: its clock fails. */
let isBroken = false;
const clock = {
  now() {
    if (isBroken) throw new Error(`the clock is broken${' at length'.repeat(200)}`);
    return Date.now();
  },
};
const emulator = await startEmulator({ clock, logFile });
const device = await emulator.seed({ thingName: 't', roleAlias: 'a', keyType: 'EC-P256' });
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterAll(async () => {
  agent.destroy();
  await emulator.close();
  rmSync(folder, { recursive: true });
});

async function whileBroken<T>(run: () => Promise<T>): Promise<T> {
  isBroken = true;
  try {
    return await run();
  } finally {
    isBroken = false;
  }
}

/** The status and the body of a request for credentials. */
function credentials(options: object = { agent }): Promise<[number | undefined, string]> {
  const url = `https://${emulator.credentialsEndpoint}/role-aliases/a/credentials`;
  const { certificatePem: cert, privateKeyPem: key } = device;
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca: emulator.ca, cert, key, ...options }, async (response) => {
      resolve([response.statusCode, (await response.toArray()).join('')]);
    });
    sent.on('error', reject).end();
  });
}

/** Expects one more response with status 500, and its exception in the record, in the log, and nowhere else. */
async function expectDefect(
  endpoint: RequestRecord['endpoint'],
  body: string,
  operation?: string,
): Promise<void> {
  expect(body).not.toContain('clock');
  const record = emulator.requests.latest.at(-1);
  expect(record).toMatchObject({ endpoint, status: 500, ...(operation && { operation }) });
  expect(record?.error).toMatch(
    /^Error: the clock is broken( at length){200}\n {4}at .*defects\.test\.ts/,
  );
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual(JSON.parse(JSON.stringify(record)));
}

describe('an unexpected exception is answered with status 500, recorded and counted', () => {
  const counted = (endpoint: RequestRecord['endpoint']) =>
    emulator.requests.counters[endpoint][500] ?? 0;

  it.each([
    ['iot', 'GET', '/things', 'iot:ListThings', 'application/json', '"message"'],
    [
      'iam',
      'GET',
      '/?Action=ListRoles&Version=2010-05-08',
      'iam:ListRoles',
      'text/xml',
      '<Code>InternalFailure</Code>',
    ],
    [
      'sts',
      'GET',
      '/?Action=GetCallerIdentity&Version=2011-06-15',
      'sts:GetCallerIdentity',
      'text/xml',
      '<Code>InternalFailure</Code>',
    ],
  ])('of %s', async (service, method, path, operation, type, text) => {
    const before = counted('api');
    const signed = await signRaw(emulator, { method, path }, { service });
    const { status, headers, body } = await whileBroken(() => sendRaw(emulator, signed));
    expect(status).toBe(500);
    expect(headers['content-type']).toBe(type);
    if (service === 'iot') expect(headers['x-amzn-errortype']).toBe('InternalFailureException');
    expect(body).toContain(text);
    await expectDefect('api', body, operation);
    expect(counted('api')).toBe(before + 1);
    expect((await sendRaw(emulator, signed)).status).toBe(200);
  });

  it('of a control request', async () => {
    const before = counted('api');
    const raw = {
      method: 'POST',
      path: '/_emulator/seed',
      headers: { authorization: `Bearer ${emulator.controlToken}` },
      body: '{"thingName":"other","roleAlias":"other"}',
    };
    const { status, body } = await whileBroken(() => sendRaw(emulator, raw));
    expect(status).toBe(500);
    await expectDefect('api', body);
    expect(counted('api')).toBe(before + 1);
    expect(() => emulator.iot.describeThing({ thingName: 'other' })).toThrow();
  });

  it('of the credential provider, on a connection that stays open', async () => {
    expect((await credentials())[0]).toBe(200);
    const before = counted('credentials');
    const [status, body] = await whileBroken(credentials);
    expect(status).toBe(500);
    await expectDefect('credentials', body);
    expect(counted('credentials')).toBe(before + 1);
    expect((await credentials())[0]).toBe(200);
  });

  it('of a new connection, which is closed', async () => {
    const before = counted('credentials');
    await expect(whileBroken(() => credentials({ agent: false }))).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    await expectDefect('credentials', '');
    expect(counted('credentials')).toBe(before + 1);
    expect((await credentials({ agent: false }))[0]).toBe(200);
  });
});

it('an unexpected exception is written to stderr, with its stack', async () => {
  const program = `
    import { startEmulator } from ${JSON.stringify(BUILT)};
    let isBroken = false;
    const clock = { now() { if (isBroken) throw new Error('broken'); return Date.now(); } };
    const aws = await startEmulator({ clock });
    isBroken = true;
    const { status } = await fetch(aws.apiEndpoint + '/things', { headers: { authorization:
      'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, ' +
      'Signature=' + '0'.repeat(64), 'x-amz-date': '20260101T000000Z' } });
    isBroken = false;
    console.log(status);
    await aws.close();`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('500\n');
  expect(stderr).toMatch(
    /^awsiot-credentialhelper-emulator: unexpected error: Error: broken\n( {4}at .*\n)+$/,
  );
});
