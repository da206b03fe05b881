import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, type RequestRecord, type Seed, startEmulator } from '../../src/index.ts';
import { BUILT, runLimited } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Sends a request to the credential provider with Node.js alone. */
function requestTo(
  aws: Emulator,
  path: string,
  { certificatePem: cert, privateKeyPem: key }: Seed,
  thingName: string,
): Promise<{ status: number | undefined }> {
  const [host, port] = aws.credentialsEndpoint.split(':');
  const headers = { 'x-amzn-iot-thingname': thingName };
  return new Promise((resolve, reject) => {
    request({ host, port, path, ca: aws.ca, cert, key, headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode }));
    })
      .on('error', reject)
      .end();
  });
}

describe('the request log', () => {
  it('has a line of JSON for each request, without secrets', async () => {
    const logFile = join(root, 'requests.jsonl');
    const aws = await startEmulator({ logFile });
    await fetch(aws.apiEndpoint, { headers: { authorization: 'secret-of-the-header' } });
    await aws.close();
    const lines = readFileSync(logFile, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ endpoint: 'api', method: 'GET', path: '/' }),
    ]);
    expect(lines.join()).not.toContain('secret-of-the-header');
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
  });

  it('has no query, and no character that controls a terminal', async () => {
    const logFile = join(root, 'controls.jsonl');
    const aws = await startEmulator({ logFile });
    const device = await aws.seed({ thingName: 'a', roleAlias: 'a', keyType: 'EC-P256' });
    // A header can have all of Latin-1 but C0; \x9b introduces a control sequence.
    const thingName = 'a\x9b31m\xad';
    const statuses = await Promise.all([
      fetch(`${aws.apiEndpoint}/things?X-Amz-Signature=secret-of-the-query`),
      requestTo(aws, '/role-aliases/a/credentials?token=secret-of-the-query', device, thingName),
      requestTo(aws, `/${'x'.repeat(5000)}`, device, 'y'.repeat(5000)),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([403, 403, 404]);
    const { latest } = aws.requests;
    await aws.close();
    const text = readFileSync(logFile, 'utf8');
    expect(text).not.toMatch(/[^\n\P{C}]|secret/u);
    const records = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RequestRecord);
    expect(records).toEqual(JSON.parse(JSON.stringify(latest)));
    expect(records.find(({ path }) => path === '/role-aliases/a/credentials')).toMatchObject({
      thingName,
      reason: expect.stringContaining(thingName),
    });
    const long = records.find(({ path }) => path.startsWith('/xx'));
    expect(long).toMatchObject({
      path: `/${'x'.repeat(1023)}…`,
      thingName: `${'y'.repeat(1024)}…`,
    });
  });

  it('begins a new file when one is full, and keeps the one before', async () => {
    const logFile = join(root, 'long.jsonl');
    const old = 'x'.repeat(16 * 1024 * 1024 - 300);
    writeFileSync(logFile, old);
    writeFileSync(`${logFile}.1`, 'older');
    const aws = await startEmulator({ logFile });
    for (let i = 0; i < 5; i++) await fetch(`${aws.apiEndpoint}/${i}`);
    await aws.close();
    const [before, now] = [`${logFile}.1`, logFile].map((file) => readFileSync(file, 'utf8'));
    expect(before?.startsWith(old)).toBe(true);
    const lines = `${before?.slice(old.length)}${now}`.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as RequestRecord).path)).toEqual([
      '/0',
      '/1',
      '/2',
      '/3',
      '/4',
    ]);
    expect(now).toContain('/4');
    expect(before).not.toContain('/4');
  });

  it('to a pipe is not renamed', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDWR);
    const aws = await startEmulator({ logFile: pipe });
    await fetch(aws.apiEndpoint);
    await aws.close();
    const buffer = Buffer.alloc(1000);
    expect(buffer.toString('utf8', 0, readSync(reader, buffer))).toMatch(/^{.*}\n$/);
    closeSync(reader);
    expect(existsSync(`${pipe}.1`)).toBe(false);
  });

  it('stops if nothing more can be written, with one warning', () => {
    const log = join(root, 'full.jsonl');
    writeFileSync(log, 'x'.repeat(64 * 1024));
    const { stdout, stderr } = runLimited(`
      import { startEmulator } from "${BUILT}";
      const aws = await startEmulator({ logFile: "${log}" });
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await fetch(aws.apiEndpoint)).status);
      console.log(statuses.join(), aws.requests.latest.length);
      await aws.close();`);
    expect(stdout).toBe('403,403,403 3\n');
    expect(stderr.match(/Warning: requests are no longer logged to .*full\.jsonl/g)).toHaveLength(
      1,
    );
  });
});
