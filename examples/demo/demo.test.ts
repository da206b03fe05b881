import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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

/** The demo has a temporary folder of its own. */
const env = { ...process.env, TMPDIR: folder, XDG_RUNTIME_DIR: folder, NODE_NO_WARNINGS: '1' };
const commandOf = (...args: string[]) => ['--import', 'tsx', MAIN, ...args];
const run = (...args: string[]) =>
  spawnSync(process.execPath, commandOf(...args), { encoding: 'utf8', env });

/** Runs the demo with its console, until the address is printed and a request to it was made. */
async function runWithConsole() {
  const demo = spawn(process.execPath, commandOf('--console'), { env, stdio: 'pipe' });
  const printed = { stdout: '', stderr: '' };
  demo.stderr.on('data', (chunk) => {
    printed.stderr += chunk;
  });
  let page: Response | undefined;
  for await (const chunk of demo.stdout) {
    printed.stdout += chunk;
    const [, address] =
      /\nThe emulator runs until Ctrl\+C. Its console:\n(.*)\n$/.exec(printed.stdout) ?? [];
    if (address === undefined) continue;
    page = await fetch(address);
    demo.kill('SIGINT');
  }
  const [status] = demo.exitCode === null ? await once(demo, 'exit') : [demo.exitCode];
  return { ...printed, page, status: status as number | null };
}

describe('the demo', () => {
  it('shows the assumed role twice, hides secrets, deletes its files, and opens the console', async () => {
    const { status, stdout: whole, stderr, page } = await runWithConsole();
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(await page?.text()).toContain('console.js');
    const [stdout = '', end = ''] = whole.split('\nThe emulator runs');
    expect(end.trim().split('\n').at(-1)).toMatch(/^http:.*\/console\/#token=/);
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
