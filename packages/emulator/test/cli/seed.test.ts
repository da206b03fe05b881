import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { hasThing, MAIN } from '../support/processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'emulator-seed-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('seed while the emulator runs', () => {
  it('is done by the running one', async () => {
    const aws = await startEmulator({ dir });
    const child = spawn(
      process.execPath,
      [MAIN, 'seed', '--dir', dir, '--thing', 'late', '--role-alias', 'late'],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const [status] = await once(child, 'exit');
    expect(status).toBe(0);
    expect(hasThing(aws, 'late')).toBe(true);
    expect(readFileSync(join(dir, 'late-key.pem'), 'utf8')).toContain('BEGIN RSA PRIVATE KEY');
    await aws.close();
  });
});
