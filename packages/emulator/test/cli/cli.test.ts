import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createProgram, run as runCommand } from '../../src/cli/program.ts';
import { EXIT_STATUS_HELP } from '../../src/cli/usage.ts';
import { MAIN } from '../support/processes.ts';
import { startOnTerminal } from '../support/terminal.ts';

const PACKAGE = new URL('../../package.json', import.meta.url);

const root = mkdtempSync(join(tmpdir(), 'emulator-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

/** Runs a command line that is refused, in this process: one for each would take long. */
async function runHere(args: readonly string[]) {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += text;
      return true;
    }),
  );
  try {
    return { status: await runCommand(args), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Starts the command, reads its line, and returns a function that stops it. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'start', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const [line] = (await once(lines, 'line')) as [string];
  const more: string[] = [];
  lines.on('line', (text) => more.push(text));
  const ready = JSON.parse(line) as Record<string, string>;
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const [status] = (await once(child, 'exit')) as [number | null];
    expect(more).toEqual([]);
    return status;
  };
  return { ready, stop };
}

async function whoIs(ready: Record<string, string>): Promise<string | undefined> {
  const { apiEndpoint = '', region = '', accessKeyId = '', secretAccessKey = '' } = ready;
  const credentials = { accessKeyId, secretAccessKey };
  const sts = new STSClient({ endpoint: apiEndpoint, region, credentials });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  return Arn;
}

/** The response to curl with the files of `seed`. */
function curl(
  dir: string,
  thing: string,
  alias: string,
  ready: Record<string, string>,
  ...more: string[]
) {
  const { stdout } = spawnSync(
    'curl',
    [
      '--silent',
      '--show-error',
      ...more,
      ...['--cacert', ready.caFile ?? ''],
      ...['--cert', join(dir, `${thing}-cert.pem`), '--key', join(dir, `${thing}-key.pem`)],
      ...['--header', `x-amzn-iot-thingname: ${thing}`],
      `https://${ready.credentialsEndpoint}/role-aliases/${alias}/credentials`,
    ],
    { encoding: 'utf8' },
  );
  return stdout;
}

describe('seed and start', () => {
  it('seed creates a thing whose certificate and key get credentials', async () => {
    const dir = newFolder();
    const seeded = run('seed', '--dir', dir, '--thing', 'thing-1', '--role-alias', 'alias-1');
    expect(seeded).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(seeded.stdout)).toMatchObject({ thingName: 'thing-1', roleAlias: 'alias-1' });
    expect(seeded.stdout).not.toContain('PRIVATE KEY');
    const keyFile = join(dir, 'thing-1-key.pem');
    expect(readFileSync(keyFile, 'utf8')).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'account.json')).mode & 0o777).toBe(0o600);

    const { ready, stop } = await start('--dir', dir);
    expect(Object.keys(ready)).toEqual(
      expect.arrayContaining([
        'apiEndpoint',
        'credentialsEndpoint',
        'caFile',
        'accessKeyId',
        'secretAccessKey',
      ]),
    );
    expect(curl(dir, 'thing-1', 'alias-1', ready)).toMatch(/^{"credentials":{"accessKeyId":"ASIA/);
    expect(await whoIs(ready)).toBe('arn:aws:iam::123456789012:root');
    expect(await stop('SIGTERM')).toBe(0);
  });

  it('keeps certificate authority, access key and devices across a restart', async () => {
    const dir = newFolder();
    run('seed', '--dir', dir, '--thing', 'thing-1', '--role-alias', 'alias-1');
    const first = await start('--dir', dir);
    const ca = readFileSync(first.ready.caFile ?? '', 'utf8');
    await first.stop('SIGKILL');
    run('seed', '--dir', dir, '--thing', 'thing-2', '--role-alias', 'alias-1');
    const second = await start('--dir', dir, '--account', '123456789012');
    expect(readFileSync(second.ready.caFile ?? '', 'utf8')).toBe(ca);
    expect(second.ready.accessKeyId).toBe(first.ready.accessKeyId);
    for (const thing of ['thing-1', 'thing-2']) {
      expect(curl(dir, thing, 'alias-1', second.ready)).toContain('accessKeyId');
    }
    expect(await second.stop('SIGINT')).toBe(0);
  });

  it('seed creates several things, through the emulator that runs or not', async () => {
    const dir = newFolder();
    const args = ['seed', '--dir', dir, '--role-alias', 'a', '--key-type', 'EC-P256'];
    const { status, stdout, stderr } = run(
      ...args,
      '--duration',
      '900',
      '--thing',
      'b',
      '--thing',
      'c',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).thingName),
    ).toEqual(['b', 'c']);
    const { ready, stop } = await start('--dir', dir);
    // One that exists ends it; those before are whole.
    const more = run(...args, '--thing', 'd', '--thing', 'c', '--thing', 'e');
    expect(more.status).toBe(1);
    expect(JSON.parse(more.stdout).keyFile).toBe(join(dir, 'd-key.pem'));
    expect(more.stderr).toContain('c-cert.pem already exists');
    expect(run(...args, '--thing', 'f', '--duration', '1000').stderr).toContain('of 900 seconds');
    for (const thing of ['b', 'c', 'd']) {
      const { credentials } = JSON.parse(curl(dir, thing, 'a', ready));
      const seconds = (Date.parse(credentials.expiration) - Date.now()) / 1000;
      expect(seconds).toBeCloseTo(900, -2);
      expect(readFileSync(join(dir, `${thing}-key.pem`), 'utf8')).toMatch(/BEGIN EC PRIVATE KEY/);
    }
    expect(existsSync(join(dir, 'e-key.pem'))).toBe(false);
    expect(existsSync(join(dir, 'f-key.pem'))).toBe(false);
    await stop('SIGTERM');
  });

  it('start without a folder prints the CA certificate instead of its file', async () => {
    const { ready, stop } = await start();
    expect(ready).not.toHaveProperty('caFile');
    expect(new X509Certificate(ready.ca ?? '').subject).toBe('CN=Emulator Root CA');
    expect(await whoIs(ready)).toBe('arn:aws:iam::123456789012:root');
    expect(await stop('SIGTERM')).toBe(0);
  });

  it('start on a terminal prints what people need, and no secrets, and ends by Ctrl+C', async () => {
    const dir = newFolder();
    const terminal = startOnTerminal([process.execPath, MAIN, 'start', '--dir', dir]);
    await terminal.waitFor('Ctrl+C');
    terminal.interrupt();
    const { status, printed } = await terminal.end();
    expect(status).toBe(0);
    const text = stripVTControlCharacters(printed);
    expect(text).not.toBe(printed);
    expect(text).toMatch(/^ {2}AWS APIs +http:\/\/127\.0\.0\.1:\d+\r$/m);
    expect(text).toMatch(
      /^ {2}console +http:\/\/127\.0\.0\.1:\d+\/_emulator\/console\/#token=\S+\r$/m,
    );
    expect(text).toMatch(/^ {2}credential provider +https:\/\/localhost:\d+\r$/m);
    expect(text).toContain(join(dir, 'ca.pem'));
    expect(text).toContain(`eval "$(awsiot-credentialhelper-emulator env --dir ${dir})"`);
    expect(text).toContain(`awsiot-credentialhelper-emulator seed --dir ${dir} --thing my-thing`);
    const { administrator } = JSON.parse(readFileSync(join(dir, 'account.json'), 'utf8'));
    expect(administrator.secretAccessKey).toMatch(/^.{40}$/);
    expect(text).not.toContain(administrator.secretAccessKey);
  });

  it('--min-tls TLSv1.3 refuses TLS 1.2', async () => {
    const dir = newFolder();
    run('seed', '--dir', dir, '--thing', 't', '--role-alias', 'a');
    const { ready, stop } = await start('--dir', dir, '--min-tls', 'TLSv1.3');
    expect(curl(dir, 't', 'a', ready, '--tls-max', '1.2')).toBe('');
    expect(curl(dir, 't', 'a', ready)).toContain('accessKeyId');
    await stop('SIGTERM');
  });

  it('seed overwrites nothing', () => {
    const dir = newFolder();
    const args = ['seed', '--dir', dir, '--thing', 'thing-1', '--role-alias', 'alias-1'];
    run(...args);
    const key = readFileSync(join(dir, 'thing-1-key.pem'), 'utf8');
    const again = run(...args);
    expect(again).toMatchObject({ status: 1, stdout: '' });
    expect(again.stderr).toMatch(
      /^awsiot-credentialhelper-emulator: error: .*already exists; it was not overwritten\n$/,
    );
    expect(readFileSync(join(dir, 'thing-1-key.pem'), 'utf8')).toBe(key);
  });
});

describe('bad input gets one clear line and a status', () => {
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  const used = newFolder();
  run('seed', '--dir', used, '--thing', 't', '--role-alias', 'a');

  it.each([
    [2, 'no command was passed', []],
    [2, "unknown command 'run'", ['run']],
    [2, "required option '--dir <dir>'", ['env']],
    [2, "required option '--certificate <id-or-file>'", ['explain', '--dir', newFolder()]],
    [2, "required option '--thing <name>'", ['seed', '--dir', newFolder(), '--role-alias', 'a']],
    [
      2,
      "'--api-port <port>' argument 'http' is invalid",
      ['start', '--dir', newFolder(), '--api-port', 'http'],
    ],
    [
      2,
      "'--api-port <port>' argument '70000' is invalid",
      ['start', '--dir', newFolder(), '--api-port', '70000'],
    ],
    [
      2,
      "'--min-tls <version>' argument '1.3' is invalid",
      ['start', '--dir', newFolder(), '--min-tls', '1.3'],
    ],
    [2, 'invalid fault: it is not JSON', ['start', '--dir', newFolder(), '--fault', '{']],
    [2, 'unknown member "nap"', ['start', '--dir', newFolder(), '--fault', '{"nap":1}']],
    [1, 'cannot write the log', ['start', '--dir', newFolder(), '--log', '/no/such/folder/log']],
    [2, 'too many arguments', ['start', '--dir', newFolder(), 'more']],
    [2, "unknown option '--prot'", ['start', '--prot', '1']],
    [2, "unknown option '--acount'; did you mean --account?", ['start', '--acount', '1']],
    [2, "unknown option '--thin'; did you mean --thing?", ['seed', '--thin', 't']],
    [2, 'Expected 12 digits', ['start', '--dir', newFolder(), '--account', '12']],
    [2, 'Expected a region such as', ['start', '--dir', newFolder(), '--region', 'Ireland']],
    [2, 'Expected the path of a folder', ['start', '--dir', '']],
    [2, 'Expected the path of a file', ['start', '--dir', newFolder(), '--log', '']],
    [2, 'it has no effect', ['start', '--dir', newFolder(), '--fault', '{}']],
    [2, 'Expected JSON such as', ['start', '--dir', newFolder(), '--fault', '{"count":1}']],
    [2, 'letters, digits and :_-', ['seed', '--thing', 'bad thing']],
    [2, 'letters, digits and :_-', ['seed', '--thing', 'line\nbreak']],
    [2, 'letters, digits and _=,@-', ['seed', '--role-alias', 'a/b']],
    [2, 'Allowed choices are 127.0.0.1, 0.0.0.0', ['start', '--host', 'localhost']],
    [2, 'Expected a host name such as', ['start', '--name', '10.0.0.1']],
    [2, 'It was passed already', ['seed', '--thing', 'a', '--thing', 'a']],
    [2, 'Allowed choices are RSA-2048', ['seed', '--key-type', 'RSA-1024']],
    [2, 'Expected a whole number from 900 to 43200', ['seed', '--duration', '1h']],
    [2, 'Allowed choices are sh', ['env', '--format', 'csh']],
    [1, 'it is not a folder', ['start', '--dir', file]],
    [1, 'it is not a folder', ['seed', '--thing', 't', '--role-alias', 'a', '--dir', file]],
    [1, 'not a directory', ['seed', '--thing', 't', '--role-alias', 'a', '--dir', `${file}/sub`]],
    // Where the system does not allow folders, also for root.
    [1, 'no such file or directory', ['start', '--dir', '/proc/awsiot']],
    [1, 'no such file or directory', ['start', '--dir', '/proc/awsiot/emulator']],
    [1, 'no such file or directory', ['start', '--dir', '/proc']],
    [1, 'is for accountId 123456789012', ['start', '--dir', used, '--account', '999999999999']],
    [1, 'is for region us-east-1', ['start', '--dir', used, '--region', 'eu-west-1']],
  ])('%i: %s', async (status, message, args) => {
    const result = await runHere(args);
    expect(result.stderr).toMatch(/^awsiot-credentialhelper-emulator: error: [^\n]+\n$/);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ status, stdout: '' });
  });

  it('leaves nothing behind', () => {
    const dir = newFolder();
    run('seed', '--dir', dir, '--thing', 'a b', '--role-alias', 'a');
    expect(existsSync(dir)).toBe(false);
  });

  it('rejects damaged state, and does not show it', () => {
    const dir = newFolder();
    run('seed', '--dir', dir, '--thing', 't', '--role-alias', 'a');
    writeFileSync(join(dir, 'account.json'), '{"sealingKey":"hunter2",');
    const result = run('start', '--dir', dir);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('is not an account of this emulator');
    expect(result.stderr).not.toContain('hunter2');
  });

  it('a port in use', async () => {
    const { ready, stop } = await start('--dir', newFolder());
    const { port } = new URL(ready.apiEndpoint ?? '');
    const result = run('start', '--dir', newFolder(), '--api-port', port);
    await stop('SIGTERM');
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain(`cannot listen on port ${port}: the port is in use`);
  });

  it.each([
    ['that nobody reads', '| true', 0, /^$/],
    ['that cannot be written', '> /dev/full', 1, /error: cannot write to stdout: ENOSPC[^\n]*\n$/],
  ])('output %s', (_name, where, status, said) => {
    const shell = `"$@" ${where}; exit "\${PIPESTATUS[0]}"`;
    const args = ['-c', shell, 'bash', process.execPath, MAIN, '--help'];
    const result = spawnSync('bash', args, { encoding: 'utf8' });
    expect(result.stderr).toMatch(said);
    expect(result.status).toBe(status);
  });

  it.each([
    [['--help'], 'never for production'],
    [['seed', '--help'], '--role-alias <name>'],
    [['start', '--help'], '--credentials-port <port>'],
    [['env', '--help'], '--format <format>'],
    [['explain', '--help'], '--source-ip <address>'],
  ])('the help of %j goes to stdout, with examples and exit status', (args, text) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(text);
    expect(stdout).toMatch(args[0] === 'explain' ? /^ {2}1 {2}it would not/m : EXIT_STATUS_HELP);
    const examples = [...stdout.matchAll(/^ {2}(.*awsiot-credentialhelper-emulator .+)$/gm)];
    expect(examples.length).toBeGreaterThan(0);
    const known = createProgram().commands.flatMap(({ options }) => options);
    for (const [, example = ''] of examples) {
      const used = example.match(/--[a-z-]+/g) ?? [];
      expect(known.map(({ long }) => long)).toEqual(expect.arrayContaining(used));
    }
  });

  it('--version prints the version of the package', () => {
    const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
    expect(run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
});
