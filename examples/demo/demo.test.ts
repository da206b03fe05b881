import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { mask } from './mask.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const RECORDED = readFileSync(new URL('output.txt', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the demo with a separate temporary folder. */
function run(...args: string[]) {
  return spawnSync(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, XDG_RUNTIME_DIR: folder, NODE_NO_WARNINGS: '1' },
  });
}

describe('the demo', () => {
  it('shows the assumed role twice, hides secrets, and deletes its files', () => {
    const { status, stdout, stderr } = run();
    expect(stderr).toBe('');
    expect(status).toBe(0);
    // The README's picture shows it; `npm run pictures` records it again.
    expect(mask(stdout)).toBe(RECORDED);
    const arns = [
      ...stdout.matchAll(
        /STS returned: (arn:aws:sts::\d{12}:assumed-role\/[\w-]+\/[0-9a-f]{64})\n/g,
      ),
    ];
    expect(arns).toHaveLength(2);
    expect(arns[0]?.[1]).toBe(arns[1]?.[1]);
    expect(stdout).toContain('over TLSv1.3');
    expect(stdout).toMatch(/credentials: ASIA\*+,/);
    expect(stdout).not.toMatch(/ASIA[A-Z0-9]{16}/);
    expect(readdirSync(folder).filter((name) => name.includes('demo'))).toEqual([]);
  });

  it.each([
    [2, ['--libary', 'x'], "Unknown option '--libary'"],
    [2, ['more'], "Unexpected argument 'more'"],
    [1, ['--library', '/no/such/library.so'], '--library /no/such/library.so is not a file'],
  ])('ends with status %i and one clear line for %j', (expected, args, message) => {
    const { status, stdout, stderr } = run(...args);
    expect(status).toBe(expected);
    expect(stderr).toMatch(/^demo: error: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });

  it('reports an invalid library', () => {
    const { status, stderr } = run('--library', '/etc/hostname');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^demo: error: [^\n]+\n/);
    expect(stderr).not.toContain('    at ');
  });
});
