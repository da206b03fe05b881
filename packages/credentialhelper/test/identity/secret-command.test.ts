import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openPassphrase } from '../../src/identity/passphrase.ts';
import { openPinSource } from '../../src/identity/pin.ts';
import type { SecretCommand } from '../../src/identity/secret-command.ts';
import { errorOf } from '../support/errors.ts';
import { plantSecret } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const PIN = plantSecret('pin-of-a-command-1');
const open = (command: unknown) => openPinSource({ command } as never, 'userPin', () => {});
const read = (command: SecretCommand, limitMs = 10_000) => open(command).read(limitMs);
afterEach(() => vi.unstubAllEnvs());

describe('a secret from a command', () => {
  it.each<[string, SecretCommand]>([
    ['a shell', `printf %s '${PIN}'`],
    ['a shell with a line end', `echo "$(echo ${PIN})"`],
    ['a program without a shell', ['printf', '%s\\n', PIN]],
    ['a program whose child holds the pipe', `sleep 30 2>/dev/null & echo ${PIN}`],
  ])('is the output of %s', async (_name, command) => {
    expect((await read(command))?.reveal()).toBe(PIN);
  });

  it('may be a passphrase', async () => {
    const reader = openPassphrase({ command: ['echo', PIN] }, () => {});
    expect((await reader.read(10_000))?.reveal()).toBe(PIN);
  });

  it('passes arguments of an array as they are', async () => {
    expect((await read(['printf', '%s', '$(id);x']))?.reveal()).toBe('$(id);x');
  });

  it('is read again each time, and not when the options are checked', async () => {
    const log = join(folder, 'runs');
    const reader = open(`echo run >>${log}; echo ${PIN}`);
    expect([existsSync(log), reader.readNow]).toEqual([false, undefined]);
    await reader.read(10_000);
    await reader.read(10_000);
    expect(readFileSync(log, 'utf8')).toBe('run\nrun\n');
  });

  it('gets no stdin, no terminal, and no secret of this package', async () => {
    vi.stubEnv('AWS_IOT_PKCS11_PIN', 'other');
    vi.stubEnv('AWS_IOT_PASSPHRASE', 'other');
    vi.stubEnv('MY_PIN', 'other');
    openPinSource({ environmentVariable: 'MY_PIN' }, 'userPin', () => {});
    const file = join(folder, 'seen');
    const look = `{ cat; env; (: </dev/tty) 2>&1 || echo NO_TERMINAL; } >${file}; echo ${PIN}`;
    await read(look);
    const seen = readFileSync(file, 'utf8');
    expect(seen).toContain('NO_TERMINAL');
    expect(seen).toContain('PATH=');
    expect(seen).not.toMatch(/^(?:AWS_IOT_P\w+|MY_PIN)=/m);
  });

  it.each<[string, SecretCommand, string]>([
    ['fails', `echo ${PIN}; exit 3`, 'exited with status 3'],
    ['is killed', `echo ${PIN}; kill -TERM $$`, 'was ended by SIGTERM'],
    ['does not exist', ['/none/program', PIN], 'cannot be started: ENOENT'],
    ['prints nothing', 'true', 'is empty'],
    ['prints two lines', `echo ${PIN}; echo ${PIN}`, 'has more than one line'],
    ['prints too much', 'cat /dev/zero', 'printed more than 65536 bytes'],
    ['has too long arguments', ['echo', PIN.repeat(1e6)], 'cannot be started: E2BIG'],
  ])('that %s is an error without the command or its output', async (_name, command, problem) => {
    const error = await errorOf(() => read(command));
    expect(error.message).toContain('the command given as "userPin.command"');
    expect(error.message).toContain(problem);
    expect(inspect(error, { depth: 9 })).not.toContain(PIN);
  });

  it('is killed at the timeout, with all that it started', async () => {
    const pids = join(folder, 'pids');
    const script = `echo $$ >${pids}; sh -c 'echo $$ >>${pids}; trap "" TERM; while :; do sleep 60; done' & wait`;
    const error = await errorOf(() => read(script, 1500));
    expect([error.code, error.message]).toEqual([
      'ERR_SECRET_SOURCE',
      expect.stringContaining('did not end within 1500 ms'),
    ]);
    const started = readFileSync(pids, 'utf8').trim().split('\n');
    expect(started).toHaveLength(2);
    const isRunning = (pid: string) =>
      execFileSync('sh', ['-c', `grep -s State /proc/${pid}/status || true`], {
        encoding: 'utf8',
      }).match(/State:\s+[^Z]/) !== null;
    await expect.poll(() => started.filter(isRunning)).toEqual([]);
  });

  it.each([[''], [' '], [[]], [['']], [[1]], ['a\0b'], [{}], [7]])(
    'cannot be %j',
    async (command) => {
      const error = await errorOf(() => open(command));
      expect([error.code, error.message]).toEqual([
        'ERR_INVALID_OPTION',
        '"userPin.command" must be an array of a program and its arguments, or a string for the shell',
      ]);
    },
  );
});
