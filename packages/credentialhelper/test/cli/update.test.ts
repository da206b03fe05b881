import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { often } from '../support/often.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const device = await createDevice(aws, folder);
const OTHERS = '# mine\n[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n';

/** Writes a profile again and again. */
const WRITER = fileURLToPath(new URL('../support/write-profile.mjs', import.meta.url));

let file = '';
const running: ChildProcess[] = [];
beforeEach(() => {
  aws.faults.clear();
  file = join(mkdtempSync(join(folder, 'home-')), 'credentials');
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
const env = (more: Readonly<Record<string, string>> = {}) => ({
  ...device.env,
  AWS_CONFIG_FILE: join(folder, 'none'),
  AWS_SHARED_CREDENTIALS_FILE: file,
  AWS_IOT_MAX_WAIT_MS: '0',
  ...more,
});
const update = (...args: readonly string[]) => run(['update', ...args], { env: env() });
const content = () => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
const keyIn = (text: string) => /aws_access_key_id = (ASIA\w+)/.exec(text)?.[1];

/** Starts `update`, which keeps running. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, 'update', ...args], {
    env: { ...process.env, ...env() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
    });
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (status, signal) => resolve(signal ?? status));
  });
  return { child, printed, ended };
}

describe('update', () => {
  it('refuses at once a name that no SDK reads, instead of trying again and again', async () => {
    const { status, stderr } = await update('--credentials-profile', 'my thing');
    expect([status, stderr.split('\n')[0]]).toEqual([
      2,
      expect.stringContaining('the name of the profile'),
    ]);
  });

  it('writes a profile once with --once, and nothing else', async () => {
    writeFileSync(file, OTHERS);
    chmodSync(file, 0o600);
    const { status, stdout, stderr } = await update('--once', '--credentials-profile', 'device');
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(
      /^awsiot-credentialhelper: info: wrote profile "device" in .*, valid until .*Z\n$/,
    );
    expect(content()).toMatch(
      new RegExp(
        `^${OTHERS.replace('[', '\\[')}\n\\[device\\]\naws_access_key_id = ASIA\\w+\naws_secret_access_key = \\S+\naws_session_token = \\S+\n$`,
      ),
    );
    const script = `import boto3; print(boto3.client('sts', endpoint_url='${aws.apiEndpoint}').get_caller_identity()['Arn'])`;
    const { stdout: arn } = await promisify(execFile)('/usr/bin/python3', ['-c', script], {
      env: {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        AWS_PROFILE: 'device',
        AWS_SHARED_CREDENTIALS_FILE: file,
        AWS_DEFAULT_REGION: aws.region,
      },
    });
    expect(arn).toContain(device.certificateId);
  });

  it('creates the file for this user alone, and warns of one that others can read', async () => {
    expect((await update('--once')).status).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(content()).toContain('[default]\n');
    chmodSync(file, 0o644);
    const { stderr } = await update('--once');
    expect(stderr).toContain(
      `warning: ${file} can be read by other users; restrict it with chmod 600`,
    );
  });

  it('does not replace credentials that are not temporary', async () => {
    writeFileSync(file, OTHERS);
    const { status, stderr } = await update('--once', '--credentials-profile', 'other');
    expect([status, content()]).toEqual([2, OTHERS]);
    expect(stderr).toContain(
      `error: profile "other" in ${file} has credentials that are not temporary`,
    );
    expect((await update('--once', '--credentials-profile', 'other', '--force')).status).toBe(0);
    expect(keyIn(content())).toBeDefined();
  });

  it('writes new credentials before they expire, also after failures, until SIGTERM', async () => {
    aws.faults.add({ connection: 'refuse' });
    const { child, printed, ended } = start('--credentials-profile', 'device');
    await expect.poll(() => printed.stderr, { timeout: 20_000 }).toContain('error: ');
    aws.faults.clear();
    aws.faults.add({ lifetimeMs: 4000 });
    const seen = new Set<string | undefined>();
    await expect
      .poll(() => seen.add(keyIn(content())).size, { timeout: 30_000 })
      .toBeGreaterThan(3);
    aws.faults.clear();
    aws.faults.add({ response: { status: 503 } });
    await expect
      .poll(() => printed.stderr, { timeout: 20_000 })
      .toContain('warning: refreshing the credentials failed');
    aws.faults.clear();
    const before = keyIn(content());
    await expect.poll(() => keyIn(content()), { timeout: 30_000 }).not.toBe(before);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(keyIn(content())).toBeDefined();
    expect(printed.stdout).toBe('');
  });

  it('continues when the file can be written again', async () => {
    aws.faults.add({ lifetimeMs: 4000 });
    writeFileSync(file, '[other]\nbroken\n');
    const { child, printed, ended } = start('--credentials-profile', 'my/thing');
    await expect.poll(() => keyIn(content()), { timeout: 20_000 }).toBeDefined();
    writeFileSync(file, '[my/thing]\na = 1\n[my/thing]\naws_access_key_id = 2\n');
    await expect
      .poll(() => printed.stderr, { timeout: 20_000 })
      .toContain('error: the AWS SDKs would not read');
    writeFileSync(file, '');
    await expect.poll(() => keyIn(content()), { timeout: 20_000 }).toBeDefined();
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it('leaves the file as it is if the disk is full, and no temporary file', async () => {
    writeFileSync(file, OTHERS, { mode: 0o600 });
    const script = `ulimit -f 0; exec '${process.execPath}' '${MAIN}' update --once --credentials-profile device`;
    const failed = promisify(execFile)('sh', ['-c', script], { env: { ...process.env, ...env() } });
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: `awsiot-credentialhelper: error: cannot write ${file}: the file is too large\n`,
    });
    expect(content()).toBe(OTHERS);
    // As of a process that was killed between both steps of a write.
    writeFileSync(`${file}.0123456789ab.tmp`, 'half');
    expect((await update('--once', '--credentials-profile', 'device')).status).toBe(0);
    expect(readdirSync(join(file, '..')).sort()).toEqual(['.credentials.lock', 'credentials']);
  });

  it('exits with an error with --once, and for settings that are wrong', async () => {
    aws.faults.add({ response: { status: 503 } });
    expect((await update('--once')).status).toBe(1);
    for (const wrong of [
      ['--timeout-ms', 'soon'],
      ['--credentials-profile', 'a thing'],
    ]) {
      const { status } = await run(['update', ...wrong], { env: env() });
      expect([status, content()]).toEqual([2, '']);
    }
  });

  it('says which file cannot be read, and why', async () => {
    symlinkSync(file, file);
    const { status, stderr } = await update('--once');
    expect([status, stderr]).toEqual([
      1,
      `awsiot-credentialhelper: error: cannot read ${file}: too many levels of symbolic links\n`,
    ]);
  });

  it.each([
    ['a device', 'mknod', (path: string) => [path, 'c', '1', '3']],
    ['a pipe', 'mkfifo', (path: string) => [path]],
  ] as const)('does not replace %s, such as /dev/null', async (_, program, args) => {
    try {
      execFileSync(program, args(file), { stdio: 'pipe' });
    } catch (error) {
      // Devices are for root.
      expect(String(error)).toContain('Operation not permitted');
      return;
    }
    const configFile = { AWS_CONFIG_FILE: file };
    for (const [command, more] of [
      [['update'], {}],
      [['update', '--once', '--force'], {}],
      [['configure'], configFile],
    ] as const) {
      const { status, stderr } = await run(command, { env: env(more) });
      expect([status, stderr.split('\n')[0]]).toEqual([
        2,
        `awsiot-credentialhelper: error: ${file} is not a regular file, and holds no profiles`,
      ]);
    }
    expect(statSync(file).isFile()).toBe(false);
  });
});

describe('processes that write profiles of one file', () => {
  it('do not overwrite those of others: 20 at once', { timeout: 120_000 }, async () => {
    writeFileSync(file, OTHERS, { mode: 0o600 });
    const names = Array.from({ length: 20 }, (_, index) => `thing-${index}`);
    const all = await Promise.all(
      names.map((name) => update('--once', '--credentials-profile', name)),
    );
    expect(all.map(({ status }) => status)).toEqual(names.map(() => 0));
    const headers = content().match(/^\[.*\]$/gm) ?? [];
    expect(headers.toSorted()).toEqual(['other', ...names].map((name) => `[${name}]`).sort());
    expect(content().startsWith(OTHERS)).toBe(true);
  });

  it('may be killed at any moment', { timeout: 120_000 }, async () => {
    writeFileSync(file, OTHERS, { mode: 0o600 });
    for (let round = 0; round < often(20); round++) {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', WRITER, file, `thing-${round}`, '1000000'],
        { stdio: 'ignore' },
      );
      await expect.poll(content, { timeout: 20_000, interval: 1 }).toContain(`[thing-${round}]`);
      await sleep(Math.random() * 50);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
      const [first = '', ...sections] = content().split('\n\n');
      expect(`${first}\n`).toBe(OTHERS);
      expect(sections).toHaveLength(round + 1);
      for (const section of sections) {
        expect(section).toMatch(
          /^\[thing-\d+\]\naws_access_key_id = (\d+)\naws_secret_access_key = \1\naws_session_token = \1\n?$/,
        );
      }
      // What was left by a process that was killed before is removed by the next one.
      expect(readdirSync(join(file, '..')).length).toBeLessThanOrEqual(3);
    }
  });

  it(`lose none of ${2 * often(500)} writes, and readers never see half of it`, {
    timeout: 240_000,
  }, async () => {
    writeFileSync(file, OTHERS);
    const last = String(often(500));
    let isDone = false;
    const writers = Promise.all(
      ['one', 'two'].map((name) =>
        promisify(execFile)(process.execPath, ['--import', 'tsx', WRITER, file, name, last]),
      ),
    ).finally(() => {
      isDone = true;
    });
    const reader = `
import botocore.configloader, sys, time
count = 0
while True:
    profiles = botocore.configloader.raw_config_parse(sys.argv[1])
    assert profiles['other'] == {'aws_access_key_id': 'AKIAOTHER', 'aws_secret_access_key': 'other'}, profiles
    for name in ('one', 'two'):
        values = set(profiles.get(name, {'none': '0'}).values())
        assert len(values) == 1, profiles
    count += 1
    if all(profiles.get(name, {}).get('aws_access_key_id') == sys.argv[2] for name in ('one', 'two')): break
print(count)
`;
    const reading = promisify(execFile)('/usr/bin/python3', ['-c', reader, file, last]);
    while (!isDone) {
      const text = content();
      expect(text.startsWith(OTHERS)).toBe(true);
      for (const section of text.split('\n[').slice(2)) {
        expect(new Set(section.match(/= \d+$/gm))).toHaveLength(1);
        expect(section.trim().split('\n')).toHaveLength(4);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await writers;
    expect(Number((await reading).stdout)).toBeGreaterThan(50);
    for (const name of ['one', 'two']) {
      expect(content()).toContain(
        `[${name}]\naws_access_key_id = ${last}\naws_secret_access_key = ${last}\naws_session_token = ${last}\n`,
      );
    }
    expect(readdirSync(join(file, '..')).sort()).toEqual(['.credentials.lock', 'credentials']);
  });
});
