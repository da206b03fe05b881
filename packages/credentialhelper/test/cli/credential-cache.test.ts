import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { fakeTime } from '../support/fake-time.ts';
import { often } from '../support/often.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);

let home = '';
beforeEach(() => {
  aws.faults.clear();
  home = mkdtempSync(join(folder, 'home-'));
});
const env = (more: Readonly<Record<string, string>> = {}) => ({
  ...device.env,
  XDG_CACHE_HOME: home,
  ...more,
});
const cached = () => join(home, 'awsiot-credentialhelper/credentials');
const exchanges = () =>
  aws.requests.latest.filter(({ endpoint }) => endpoint === 'credentials').length;
/** The number of exchanges while a task runs. */
const exchangesOf = async (task: () => Promise<unknown>) => {
  const before = exchanges();
  await task();
  return exchanges() - before;
};
const credentialProcess = (more: Readonly<Record<string, string>> = {}) =>
  run(['credential-process'], { env: env(more) });
const many = (count: number, more: Readonly<Record<string, string>> = {}) =>
  Promise.all(Array.from({ length: count }, () => credentialProcess(more)));

describe('100 processes at once', { timeout: 240_000 }, () => {
  // While they all start, the emulator, too, gets little of the processor.
  const patient = { AWS_IOT_TIMEOUT_MS: '100000', AWS_IOT_MAX_WAIT_MS: '0' };

  it('make one exchange, even if it takes long', async () => {
    aws.faults.add({ delayMs: 3000 });
    let all: Awaited<ReturnType<typeof many>> = [];
    expect(
      await exchangesOf(async () => {
        all = await many(100, patient);
      }),
    ).toBe(1);
    expect(new Set(all.map(({ status, stderr }) => `${status} ${stderr}`))).toEqual(
      new Set(['0 ']),
    );
    expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1);
  });

  it('share one failure, and do not try one after another', async () => {
    aws.faults.add({
      delayMs: 2000,
      response: { status: 403, body: '{"message":"Access Denied"}' },
    });
    let all: Awaited<ReturnType<typeof many>> = [];
    const made = await exchangesOf(async () => {
      all = await many(often(100), patient);
    });
    // Those that start more than two seconds after the first failure try again, together.
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThanOrEqual(5);
    for (const { status, stdout, stderr } of all) {
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toContain('HTTP 403: Access Denied');
      expect(stderr).toContain('hint: ');
    }
    aws.faults.clear();
    await sleep(2100);
    expect((await credentialProcess()).status).toBe(0);
  });
});

/** An entry, and the link to it from a call. */
const ENTRY = /^[0-9a-f]{64}\.json$/;
const LINK = /^call-[0-9a-f]{1,8}\.json$/;

describe('the cache', () => {
  it('survives kill -9 at any moment, without temporary files that pile up', async () => {
    const rounds = often(50);
    for (let round = 0; round < rounds; round++) {
      const child = spawn(process.execPath, [MAIN, 'credential-process'], {
        env: { ...process.env, ...env() },
        stdio: 'ignore',
      });
      // From the start of the program to after the exchange.
      await sleep(100 + (round * 500) / rounds);
      child.kill('SIGKILL');
      if (round % 5 !== 4) continue;
      const { status, stderr, stdout } = await credentialProcess();
      expect([status, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout).AccessKeyId).toMatch(/^ASIA/);
      const left = readdirSync(cached());
      for (const name of left.filter((one) => one.endsWith('.json'))) {
        writeFileSync(join(cached(), name), '');
      }
    }
    // What a process leaves that is killed between both steps of a write: without a lock, for a day.
    const dayAgo = Date.now() / 1000 - 86_401;
    writeFileSync(join(cached(), 'call-0.json.000000000000.tmp'), '{');
    for (const one of readdirSync(cached()).filter((entry) => entry.startsWith('call-'))) {
      utimesSync(join(cached(), one), dayAgo, dayAgo);
    }
    const name = readdirSync(cached()).find((one) => ENTRY.test(one)) as string;
    for (let index = 0; index < 5; index++) {
      writeFileSync(join(cached(), `${name}.00000000000${index}.tmp`), '{');
    }
    expect((await credentialProcess()).status).toBe(0);
    expect(
      readdirSync(cached())
        .filter((one) => !LINK.test(one))
        .sort(),
    ).toEqual([name, name.replace('.json', '.lock')]);
  });

  it('keeps no entry of a certificate that is no longer used', async () => {
    mkdirSync(cached(), { recursive: true, mode: 0o700 });
    for (const [name, days] of [
      ['old.json', 2],
      ['old.failure.json', 2],
      ['young.json', 0.5],
    ] as const) {
      writeFileSync(join(cached(), name), '{}');
      const time = Date.now() / 1000 - days * 86_400;
      utimesSync(join(cached(), name), time, time);
    }
    await credentialProcess();
    const left = readdirSync(cached());
    expect(left).toContain('young.json');
    expect(left.filter((name) => name.startsWith('old'))).toEqual([]);
  });

  it('is not needed: the disk may be full, or the folder read-only', async () => {
    const inNamespace = (script: string) =>
      promisify(execFile)('unshare', ['--mount', 'sh', '-c', script], {
        env: { ...process.env, ...env() },
      });
    const command = `'${process.execPath}' '${MAIN}' credential-process`;
    for (const prepare of [
      `mount -t tmpfs -o size=4k none ${home}; head -c 4096 /dev/zero >${home}/full || true`,
      `mount -t tmpfs -o ro none ${home}`,
      'ulimit -f 0',
    ]) {
      let printed = { stdout: '', stderr: '' };
      const made = await exchangesOf(async () => {
        printed = await inNamespace(`${prepare}; ${command} && exec ${command}`);
      });
      expect([prepare, printed.stderr]).toEqual([prepare, '']);
      const lines = printed.stdout.trim().split('\n');
      expect(lines.map((line) => JSON.parse(line).Version)).toEqual([1, 1]);
      expect(made).toBe(2);
    }
  });

  it('is not that of another user, nor a link', async () => {
    const elsewhere = join(home, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    mkdirSync(join(home, 'awsiot-credentialhelper'), { mode: 0o700 });
    symlinkSync(elsewhere, cached());
    expect(await exchangesOf(() => credentialProcess())).toBe(1);
    expect(readdirSync(elsewhere)).toEqual([]);
    renameSync(cached(), join(home, 'link'));
    mkdirSync(cached(), { mode: 0o700 });
    chownSync(cached(), 12345, 12345);
    expect(await exchangesOf(() => credentialProcess())).toBe(1);
    expect(readdirSync(cached())).toEqual([]);
    chownSync(cached(), 0, 0);
    chmodSync(cached(), 0o770);
    expect(await exchangesOf(() => credentialProcess())).toBe(1);
    expect(readdirSync(cached())).toEqual([]);
  });

  it('follows no link that is planted in it', async () => {
    const victim = join(home, 'victim');
    writeFileSync(victim, 'unchanged');
    await credentialProcess();
    const [json, lock] = readdirSync(cached()).sort() as [string, string];
    for (const name of [json, lock]) {
      renameSync(join(cached(), name), join(home, name));
      symlinkSync(victim, join(cached(), name));
    }
    expect((await credentialProcess()).status).toBe(0);
    expect(readFileSync(victim, 'utf8')).toBe('unchanged');
  });

  it('outlives a clock that jumps, and serves nothing that the SDKs would not use', async () => {
    const at = async (time: string) => {
      const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'credential-process'], {
        env: { ...process.env, ...env(), ...fakeTime(time) },
      });
      return JSON.parse(stdout).AccessKeyId as string;
    };
    const first = await at('+0');
    expect(await at('+44m')).toBe(first);
    expect(await at('+46m')).not.toBe(first);
    // The entry is now one of the future.
    const second = await at('+0');
    expect(second).not.toBe(first);
    expect(await at('+0')).toBe(second);
  });
});

describe('a client of the AWS SDK with credential_process', () => {
  it('gets new credentials before they expire, without a failed call', async () => {
    aws.faults.add({ lifetimeMs: 6000 });
    const config = join(home, 'config');
    writeFileSync(
      config,
      `[profile device]\nregion = ${aws.region}\ncredential_process = "${process.execPath}" "${MAIN}" credential-process\n`,
    );
    const program = fileURLToPath(new URL('../support/sts-loop.mjs', import.meta.url));
    let printed = '';
    const made = await exchangesOf(async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [program, aws.apiEndpoint, '9000'],
        { env: { ...process.env, ...env({ AWS_CONFIG_FILE: config, AWS_PROFILE: 'device' }) } },
      );
      printed = stdout;
    });
    const { calls, keys, arns } = JSON.parse(printed);
    expect(arns).toEqual([expect.stringContaining(device.certificateId)]);
    expect(keys).toBeGreaterThanOrEqual(3);
    expect(calls).toBeGreaterThan(keys);
    // The cache serves the calls between, and the last credentials may come after the last call.
    expect(made).toBeLessThanOrEqual(keys + 1);
    expect(existsSync(cached())).toBe(true);
  });

  it('may be boto3', async () => {
    const config = join(home, 'config');
    writeFileSync(
      config,
      `[profile device]\nregion = ${aws.region}\ncredential_process = "${process.execPath}" "${MAIN}" credential-process\n`,
    );
    const script = `import boto3; print(boto3.client('sts', endpoint_url='${aws.apiEndpoint}').get_caller_identity()['Arn'])`;
    const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', script], {
      env: { ...process.env, ...env({ AWS_CONFIG_FILE: config, AWS_PROFILE: 'device' }) },
    });
    expect(stdout).toContain(device.certificateId);
  });
});
