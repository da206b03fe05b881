import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { MAIN, run } from '../support/cli.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { copyWithoutKoffi } from '../support/without-koffi.ts';

const COMMANDS = ['list', 'init', 'import', 'generate', 'verify', 'delete', 'change-pin'];
const folder = temporaryFolder();
const secret = plantSecret('secret-that-was-typed');

describe('the command line', () => {
  it('shows its version', async () => {
    const { status, stdout, stderr } = await run(['--version']);
    expect([stdout, stderr, status]).toEqual([`${manifest.version}\n`, '', 0]);
  });

  it('makes no cache folder to print its version', () => {
    const path = resolve(folder, 'cache');
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, '--version'], {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: path },
    });
    expect([stdout, stderr, status]).toEqual([`${manifest.version}\n`, '', 0]);
    expect(existsSync(path)).toBe(false);
  });

  it.each([[], ['token']])(
    'shows its help on stderr and fails if no command is given: %s',
    async (...args) => {
      const { status, stdout, stderr } = await run(args.filter((arg) => arg !== undefined));
      expect(stderr).toMatch(/^Usage: awsiot-credentialhelper/);
      expect([stdout, status]).toEqual(['', 2]);
    },
  );

  it.each([
    ['that nobody reads', '| true', 0, /^$/],
    ['that cannot be written', '> /dev/full', 1, /error: cannot write to stdout: ENOSPC[^\n]*\n$/],
  ])('ends well with output %s', (_name, where, status, said) => {
    const shell = `"$@" ${where}; exit "\${PIPESTATUS[0]}"`;
    // The second prints one line after the other.
    for (const command of [
      ['token', 'list', '--help'],
      ['doctor', '--certificate', '/none/cert.pem'],
    ]) {
      const args = ['-c', shell, 'bash', process.execPath, MAIN, ...command];
      const result = spawnSync('bash', args, { encoding: 'utf8' });
      expect(result.stderr).toMatch(said);
      expect(result.status).toBe(command[0] === 'doctor' ? 1 : status);
    }
  });

  it('explains that its working folder was deleted', async () => {
    const gone = join(folder, 'gone');
    const shell = `mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec "$@"`;
    const { stderr, status } = spawnSync(
      'sh',
      ['-c', shell, 'sh', process.execPath, MAIN, 'configure', '--profile', 'device'],
      { encoding: 'utf8', env: { ...process.env, AWS_CONFIG_FILE: 'config' } },
    );
    expect(stderr).toMatch(/^[\w-]+: error: the working folder was deleted\n[\w-]+: hint: .*\n$/);
    expect(status).toBe(1);
  });

  it('prints an error as JSON for its own --json, not for that of the command it runs', async () => {
    const asked = await run(['whoami', '--json', '--config', 'data:,x']);
    expect(JSON.parse(asked.stdout).error.message).toContain('--config is the path of a file');
    const exec = await run(['exec', '--config', 'data:,x', '--', 'true', '--json']);
    expect([exec.status, exec.stdout]).toEqual([2, '']);
  });

  it('says once that its output cannot be written, however much of it there is', () => {
    const args = ['-c', '"$@" > /dev/full', 'sh', process.execPath, MAIN, 'doctor'];
    const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
    expect(stderr).toMatch(/^[^\n]*error: cannot write to stdout: ENOSPC[^\n]*\n$/);
    expect(status).toBe(1);
  });

  it('lists the commands', async () => {
    const { status, stdout, stderr } = await run(['token', '--help']);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`\n {2}${name} +\\w`));
    expect([stderr, status]).toEqual(['', 0]);
  });

  it.each(COMMANDS)('has examples and exit status in the help of %s', async (name) => {
    const { status, stdout, stderr } = await run(['token', name, '--help']);
    expect(stdout).toMatch(new RegExp(`\nExamples:\n {2}awsiot-credentialhelper token ${name}`));
    expect(stdout).toMatch(/\nExit status:\n {2}0 {2}it worked\n {2}1 .*\n {2}2 /);
    for (const option of ['--module', '--library-parameters', '--timeout-ms', '--json']) {
      expect(stdout).toMatch(new RegExp(`\n {2}${option} `));
    }
    // A token that is not initialized has no label and no serial number yet.
    expect(stdout.includes('\n  --token-serial ')).toBe(name !== 'init');
    expect([stderr, status]).toEqual(['', 0]);
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['nope'], /error: unknown command: a string of 4 characters\n/],
    [
      'an unknown token command',
      ['token', 'nope'],
      /error: unknown command: a string of 4 characters\n/,
    ],
    [
      'a misspelt command',
      ['token', 'lst'],
      /unknown command 'lst'\n.*hint: did you mean list\?\n$/,
    ],
    ['an unknown option', ['token', 'list', '--nope'], /error: unknown option '--nope'\n/],
    ['a misspelt option', ['token', 'list', '--modul', 'x'], /hint: did you mean --module\?\n$/],
    ['an argument too many', ['token', 'list', secret], /too many arguments/],
    ['an option without value', ['token', 'list', '--module'], /argument missing/],
    ['a number that is none', ['token', 'list', '--slot-id', '-1'], /whole number/],
    ['a missing option', ['token', 'init', '--label', 'x'], /option --module is missing/],
    ['no module', ['token', 'verify'], /no PKCS#11 library is named/],
    ['a URI that is none', ['token', 'verify', '--uri', 'pkcs:x'], /does not begin with pkcs11:/],
    [
      'a PIN on the command line',
      ['token', 'list', `--pin=${secret}`],
      /unknown option '--pin'\n.*hint: .*--pin-file/,
    ],
    ['a PIN on the command line', ['token', 'list', '--pin', secret], /hint: .*--pin-file/],
    [
      'a PIN in a URI on the command line',
      ['token', 'list', '--uri', `pkcs11:token=x?pin-value=${secret}`],
      /pin-value.*\n.*hint: use pin-source/,
    ],
    [
      'a PIN in a broken URI',
      ['token', 'list', '--uri', `pkcs11:token=x?pin-value=${secret}?`, '--module', '/x'],
      /--uri/,
    ],
    [
      'a token that is named twice',
      ['token', 'list', '--uri', 'pkcs11:token=x?module-name=softhsm2', '--token-label', 'y'],
      /--token-label and --uri name the same thing/,
    ],
    [
      'a serial number that is named twice',
      ['token', 'list', '--uri', 'pkcs11:serial=1?module-name=softhsm2', '--token-serial', '2'],
      /--token-serial and --uri name the same thing/,
    ],
    ['a deadline that is none', ['token', 'verify', '--timeout-ms', '1.5'], /whole number/],
    ['a deadline of 0', ['token', 'list', '--timeout-ms', '0'], /from 1 to 86400000/],
    ['a deadline that no timer has', ['token', 'list', '--timeout-ms', '9999999999'], /from 1 to/],
  ])('answers %s with one error and exit status 2', async (_name, args, message) => {
    const { status, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect(stderr.match(/error: /g)).toHaveLength(1);
    for (const line of stderr.trimEnd().split('\n')) {
      expect(line).toMatch(/^awsiot-credentialhelper: (error|hint): /);
    }
    expect([stdout, status]).toEqual(['', 2]);
  });

  it('reports how to install koffi', async () => {
    const main = join(copyWithoutKoffi(folder), 'cli/main.js');
    for (const args of [
      ['list'],
      ['init', '--module', SOFTHSM_LIBRARY, '--label', 'x'],
      ['import', '--module', SOFTHSM_LIBRARY, '--label', 'x', '--certificate', certificateFile()],
      ['generate', '--module', SOFTHSM_LIBRARY, '--label', 'x'],
      ['verify', '--module', SOFTHSM_LIBRARY],
      ['delete', '--module', SOFTHSM_LIBRARY, '--label', 'x'],
      ['change-pin', '--module', SOFTHSM_LIBRARY],
    ]) {
      const { status, stdout, stderr } = await run(['token', ...args], { main });
      expect(stderr).toMatch(
        /error: the npm package koffi, which keys in tokens require, cannot be loaded\n/,
      );
      expect(stderr).toContain('npm install koffi');
      expect([stdout, status]).toEqual(['', 1]);
    }
  });
});

function certificateFile(): string {
  return makeSelfSigned(folder, 'device').certificateFile;
}
