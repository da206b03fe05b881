import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { BUILT, runLimited } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

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
