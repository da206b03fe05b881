import { afterEach, describe, expect, it } from 'vitest';
import { childEnvironment, hideVariable, inheritedFlags } from '../../src/process/program.ts';

const INHERITED: readonly (readonly string[])[] = [
  ['--use-system-ca'],
  ['--use-openssl-ca'],
  ['--no-use-system-ca'],
  ['--use_bundled_ca'],
  ['--openssl-config=x.cnf'],
  ['--openssl-config', 'x.cnf'],
  ['--tls-min-v1.3'],
  ['--tls-cipher-list', 'HIGH'],
  ['--secure-heap=65536'],
  ['--enable-fips'],
  ['--use-env-proxy'],
  ['--network-family-autoselection-attempt-timeout', '500'],
  ['--network-family-autoselection-attempt-timeout=500'],
  ['--no-network-family-autoselection'],
  ['--dns-result-order=ipv4first'],
  ['--dns-result-order', 'ipv4first'],
  ['--import', 'x'],
  ['--import=x'],
  ['-r', 'x'],
  ['--require=x'],
  ['--loader', 'x'],
  ['-C', 'production'],
  ['--experimental-config-file=x.json'],
  ['--permission'],
  ['--experimental-permission'],
  ['--allow-fs-read=*'],
  ['--allow-fs-read', '/data', '--allow-fs-write', '/data'],
  ['--allow-child-process'],
  ['--disable-warning', 'ExperimentalWarning'],
  ['--no-addons'],
];

const LEFT_OUT: readonly (readonly string[])[] = [
  ['--inspect'],
  ['--inspect-brk=0'],
  ['--inspect-port', '0'],
  ['--inspect_wait'],
  ['--watch'],
  ['--watch-path=x'],
  ['--watch-path', 'x'],
  ['--test'],
  ['--test-reporter', 'dot'],
  ['--experimental-test-coverage'],
  ['--snapshot-blob', 'x.blob'],
  ['--input-type=module'],
];

/** Flags for the main program only; Node.js does not accept them in `NODE_OPTIONS`, or they are harmless. */
const OF_THE_PROGRAM: readonly (readonly string[])[] = [
  ['-e', 'code'],
  ['--eval', 'code'],
  ['-p', '"--use-system-ca".length'],
  ['--check'],
  ['--expose-gc'],
  ['--max-old-space-size=100'],
  ['--title', 'x'],
];

const text = (flags: readonly string[]) => flags.join(' ');

describe('a flag of this process', () => {
  it.each(INHERITED.map((flags) => [text(flags), flags] as const))(
    '%s is passed on',
    (_text, flags) => {
      expect(inheritedFlags(flags)).toEqual(flags);
      expect(inheritedFlags(['--inspect', ...flags, '--watch-path', 'y'])).toEqual(flags);
    },
  );

  it.each([...LEFT_OUT, ...OF_THE_PROGRAM].map((flags) => [text(flags), flags] as const))(
    '%s is not',
    (_text, flags) => {
      expect(inheritedFlags(flags)).toEqual([]);
      expect(inheritedFlags(['-r', 'x', ...flags, '--permission'])).toEqual([
        ...['-r', 'x', '--permission'],
      ]);
    },
  );

  it('is none if there are none, and those of this process are the default', () => {
    expect(inheritedFlags([])).toEqual([]);
    expect(inheritedFlags()).toEqual(inheritedFlags(process.execArgv));
  });
});

describe('the environment of a child process', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });
  const optionsOf = (options: string | undefined) => {
    if (options === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = options;
    return childEnvironment().NODE_OPTIONS;
  };

  it.each(INHERITED.map(text))('keeps %s in NODE_OPTIONS', (flags) => {
    expect(optionsOf(flags)).toBe(flags);
    expect(optionsOf(`--inspect ${flags} --watch-path y`)).toBe(flags);
  });

  it.each(LEFT_OUT.map(text))('has no %s there', (flags) => {
    expect(optionsOf(flags)).toBeUndefined();
    expect(optionsOf(`-r x ${flags} --permission`)).toBe('-r x --permission');
    expect(optionsOf(`"${flags.replace(/ .*/, '')}" -r x`)).toBe('-r x');
  });

  it.each([
    '--require "./a program with --inspect and --watch in its name.cjs"',
    '--require "./a \\" --watch .cjs" --use-system-ca',
    '--import data:text/javascript,"let a = 1"',
    '--expose-gc',
    '--require "not closed',
  ])('keeps %s there as it is', (options) => {
    expect(optionsOf(options)).toBe(options);
  });

  it('has no NODE_OPTIONS if this process has none', () => {
    expect(optionsOf(undefined)).toBeUndefined();
    expect(optionsOf('')).toBeUndefined();
  });

  it('is that of this process, with a mark, and without hidden variables', () => {
    Object.assign(process.env, { THE_PIN: '1234', WATCH_REPORT_DEPENDENCIES: '1', OTHER: 'x' });
    hideVariable('THE_PIN');
    const environment = childEnvironment();
    expect(environment).toMatchObject({ OTHER: 'x', AWSIOT_CREDENTIALHELPER_CHILD: '1' });
    expect(environment).not.toHaveProperty('THE_PIN');
    expect(environment).not.toHaveProperty('WATCH_REPORT_DEPENDENCIES');
    expect(process.env).toMatchObject({ THE_PIN: '1234', WATCH_REPORT_DEPENDENCIES: '1' });
    expect(process.env).not.toHaveProperty('AWSIOT_CREDENTIALHELPER_CHILD');
  });
});
