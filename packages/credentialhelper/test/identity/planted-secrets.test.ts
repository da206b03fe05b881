// Errors, log lines and command output never contain a secret, wherever it was misplaced.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run as runProgram } from '../../src/cli/program.ts';
import { becomeWorker } from '../../src/cli/worker.ts';
import { isCredentialHelperError } from '../../src/errors.ts';
import { fromIotCore } from '../../src/provider.ts';
import { createSession } from '../../src/session.ts';
import { openTlsIdentity } from '../../src/tls/identity.ts';
import { run } from '../support/cli.ts';
import { type Mistyped, mistyped, mistypedUris } from '../support/mistyped.ts';
import { often } from '../support/often.ts';
import { openssl } from '../support/openssl.ts';
import { allOf, Planted, plantedKey, sameKeyEachTime } from '../support/planted.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Places in which a plain PIN is a valid name: names are shown. */
const NAMES: readonly string[] = [
  ...['roleAlias', 'thingName', 'tokenLabel', 'tokenSerial', 'privateKeyLabel', 'slotId'],
  ...['--label', '--token-label', '--token-serial', '--slot-id', '--id'],
];

const SEED = 20_260_711;

const folder = temporaryFolder();
const keyPem = sameKeyEachTime();
const keyFile = join(folder, 'device-key.pem');
const certificateFile = join(folder, 'device-cert.pem');
writeFileSync(keyFile, keyPem, { mode: 0o600 });
openssl(
  ...['req', '-x509', '-key', keyFile, '-out', certificateFile],
  ...['-subj', '/CN=device', '-days', '30'],
);
const pinFile = join(folder, 'pin.txt');
writeFileSync(pinFile, PIN, { mode: 0o600 });
const softHsm = startSoftHsm();
softHsm.initToken('device');
process.env.CREDENTIALS_DIRECTORY = folder;
softHsm.importKey({ token: 'device', label: 'thing-key', id: '01', file: keyFile });

const endpoint = 'a1b2.credentials.iot.eu-west-1.amazonaws.com';
const session = { endpoint, roleAlias: 'alias', thingName: 'thing' };
const fileKey = { certificate: certificateFile, privateKey: keyFile };
const token = {
  library: SOFTHSM_LIBRARY,
  tokenLabel: 'device',
  privateKeyLabel: 'thing-key',
  userPin: PIN,
};
const quick = { timeoutMs: 1 };

/** All output besides errors: stdout, stderr, warnings, loggers. */
const written: string[] = [];
const logger = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (...texts: unknown[]) => written.push(...texts.map(String)),
  ]),
);
const onWarning = (warning: Error) => written.push(allOf(warning));
const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
const stackTraceLimit = Error.stackTraceLimit;

const workingFolder = process.cwd();

beforeAll(() => {
  process.chdir(folder);
  // Stack frames are most of the text, and irrelevant.
  Error.stackTraceLimit = 0;
  process.on('warning', onWarning);
  for (const { stream } of streams) {
    stream.write = (chunk: unknown) => written.push(String(chunk)) > 0;
  }
  becomeWorker((kind, content) => {
    if (kind === 'output') written.push((content as { text: string }).text);
  });
});

afterAll(() => {
  process.chdir(workingFolder);
  Error.stackTraceLimit = stackTraceLimit;
  process.off('warning', onWarning);
  for (const { stream, write } of streams) stream.write = write;
  process.exitCode = undefined;
});

/** Puts a secret in a place, and fails if any of it is visible. */
async function plantIn(place: string, { text, planted }: Mistyped, call: () => unknown) {
  written.length = 0;
  let seen = '';
  try {
    await call();
  } catch (error) {
    if (!isCredentialHelperError(error)) throw error;
    seen = allOf(error);
  }
  seen += `\n${written.join('\n')}`;
  const found = planted.find(seen);
  if (found !== undefined) {
    throw new Error(`${place} shows ${JSON.stringify(text)} as ${found}: ${seen}`);
  }
}

type Options = Record<string, unknown>;
type Place = readonly [name: string, options: (text: string) => Options];

const inToken = (name: string, write: (text: string) => unknown = (text) => text): Place => [
  name,
  (text) => ({
    ...session,
    certificate: certificateFile,
    pkcs11: { ...token, [name.split('.')[0] as string]: write(text) },
  }),
];
const inFileKey = (name: string, write: (text: string) => unknown = (text) => text): Place => [
  name,
  (text) => ({ ...session, ...fileKey, [name.split('.')[0] as string]: write(text) }),
];
const inTokenKey = (name: string, write: (text: string) => unknown = (text) => text): Place => [
  name,
  (text) => ({
    ...session,
    certificate: certificateFile,
    pkcs11: token,
    [name.split('.')[0] as string]: write(text),
  }),
];
const numberOf = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);

const PLACES: readonly Place[] = [
  ...['certificate', 'privateKey', 'ca', 'passphrase', 'endpoint', 'roleAlias', 'thingName'].map(
    (name) => inFileKey(name),
  ),
  ...[
    'region',
    'timeoutMs',
    'verifyPeer',
    'logger',
    'parentClientConfig',
    'userAgent',
    'maxWaitMs',
    'keepFresh',
  ].flatMap((name) => [
    inFileKey(name),
    inFileKey(name, numberOf),
    inTokenKey(name),
    inTokenKey(name, (text) => ({ [text]: text })),
  ]),
  ...['certificate', 'ca', 'passphrase'].map((name) => inTokenKey(name)),
  ...['certificate', 'privateKey', 'ca'].flatMap((name) => [
    inFileKey(`${name}.bytes`, (text) => Buffer.from(text)),
    inFileKey(`${name}.utf16`, (text) => Buffer.from(`\ufeff${text}`, 'utf16le')),
    inFileKey(`${name}.array`, (text) => [text]),
    inFileKey(`${name}.object`, (text) => ({ file: text })),
    inFileKey(`${name}.url`, (text) => ({ href: text, protocol: text, toString: () => text })),
  ]),
  inFileKey('parentClientConfig.region', (region) => ({ region })),
  inFileKey('parentClientConfig.logger', (text) => ({ logger: text })),
  inFileKey('passphrase.array', (text) => [text]),
  inFileKey('passphrase.unknown', (text) => ({ [text]: text })),
  inFileKey('passphrase.file', (file) => ({ file })),
  inFileKey('passphrase.environmentVariable', (name) => ({ environmentVariable: name })),
  inFileKey('passphrase.systemdCredential', (name) => ({ systemdCredential: name })),
  inFileKey('passphrase.fileDescriptor', (text) => ({ fileDescriptor: numberOf(text) })),
  inFileKey('passphrase.command', (text) => ({ command: [text, text] })),
  inFileKey('passphrase.function', (text) => () => text),
  inFileKey('passphrase.function.object', (text) => async () => ({ passphrase: text })),
  ['pkcs11', (text) => ({ ...session, certificate: certificateFile, pkcs11: text })],
  ['privateKey and pkcs11', (text) => ({ ...session, ...fileKey, privateKey: text, pkcs11: text })],
  ['an unknown option', (text) => ({ ...session, ...fileKey, [text]: text })],
  ['pkcs11.uri', (text) => ({ ...session, certificate: certificateFile, pkcs11: { uri: text } })],
  inToken('uri'),
  inToken('library'),
  inToken('libraryParameters'),
  inToken('ignorePinFlags'),
  inToken('isolate'),
  inToken('isolate', numberOf),
  inToken('isolate.unknown', (text) => ({ [text]: text })),
  inToken('isolate.node', (text) => ({ node: text })),
  inToken('isolate.program', (text) => ({ program: text })),
  inToken('stateFolder'),
  inToken('stateFolder', numberOf),
  inToken('slotId'),
  inToken('slotId', numberOf),
  inToken('tokenLabel'),
  inToken('tokenSerial'),
  inToken('privateKeyLabel'),
  inToken('userPin'),
  inToken('userPin.number', numberOf),
  inToken('userPin.array', (text) => [text]),
  inToken('userPin.unknown', (text) => ({ [text]: text })),
  inToken('userPin.file', (file) => ({ file })),
  inToken('userPin.environmentVariable', (environmentVariable) => ({ environmentVariable })),
  inToken('userPin.systemdCredential', (systemdCredential) => ({ systemdCredential })),
  inToken('userPin.fileDescriptor', (text) => ({ fileDescriptor: numberOf(text) })),
  inToken('userPin.function', (text) => () => text),
  inToken('userPin.function.object', (text) => async () => ({ pin: text })),
  inToken('userPin.function.array', (text) => async () => [text]),
];

/**
 * Places that are skipped when the token is used: those without such an option, those where a URI alone would make
 * this process load the libraries of the whole system, and the one that creates a folder.
 */
const NOT_USED: readonly string[] = [
  ...['endpoint', 'region', 'verifyPeer', 'isolate', 'isolate.node', 'isolate.program'],
  ...['isolate.unknown', 'parentClientConfig'],
  ...['privateKey', 'pkcs11', 'pkcs11.uri', 'stateFolder', 'roleAlias', 'thingName'],
];

type Call = readonly [name: string, call: (options: Options) => unknown];
const CALLS: readonly Call[] = [
  ['createSession', (options) => createSession({ logger, maxWaitMs: 0, ...options } as never)],
  ['fromIotCore', (options) => fromIotCore({ logger, maxWaitMs: 0, ...options } as never)],
  [
    'openTlsIdentity',
    async ({ endpoint: _, roleAlias: _alias, thingName: _thing, ...options }) => {
      const identity = await openTlsIdentity({ logger, ...quick, ...options } as never);
      identity.close();
    },
  ],
];

const noFile = join(folder, 'no-such-file.txt');
const module = ['--module', SOFTHSM_LIBRARY];
const device = [...module, '--token-label', 'device', '--pin-file', pinFile, '--timeout-ms', '1'];
const key = [...device, '--label', 'thing-key'];

/** Commands that fail, each for another reason, and do not change the token. */
const COMMANDS: readonly (readonly string[])[] = [
  ['token', 'list', '--module', '/no/such/library.so'],
  ['token', 'init', ...module, '--label', 'x', '--pin-file', pinFile, '--so-pin-file', noFile],
  ['token', 'import', ...key, '--key', keyFile, '--certificate', certificateFile],
  ['token', 'generate', ...key],
  ['token', 'generate', ...key, '--csr', certificateFile, '--subject', 'CN=x'],
  ['token', 'verify', ...device, '--label', 'no-such-key'],
  ['token', 'delete', ...device, '--label', 'no-such-key', '--yes'],
  ['token', 'change-pin', ...device, '--new-pin-file', noFile],
];

const FLAGS: readonly string[] = [
  ...['--module', '--library-parameters', '--token-label', '--token-serial', '--slot-id', '--uri'],
  ...['--pin-file', '--timeout-ms', '--label', '--so-pin-file', '--new-pin-file', '--key'],
  ...['--passphrase-file', '--certificate', '--id', '--key-type', '--csr', '--subject', '--type'],
];
/** Wrong flags that users may try. */
const NO_FLAGS: readonly string[] = [
  ...['--pin', '--user-pin', '--so-pin', '--password', '--passphrase', '--pin-value', '-p', '-P'],
  ...['--pkcs11-uri', '--secret', '--token', '--object', '--cert', '--private-key', '--modul'],
];

/** A command line with a secret at `place`. */
type Line = (text: string) => { readonly place: string; readonly args: readonly string[] };

const given = (args: readonly string[], flag: string, text: string) => {
  const at = args.indexOf(flag);
  return at === -1 ? [...args, flag, text] : args.with(at + 1, text);
};
const lines: fc.Arbitrary<Line> = fc
  .record({
    command: fc.constantFrom(...COMMANDS),
    json: fc.boolean(),
    how: fc.oneof(
      fc.constantFrom(...FLAGS).map((flag) => ({ flag, form: 'value' })),
      fc.constantFrom(...FLAGS).map((flag) => ({ flag, form: 'after =' })),
      // Instead of the other options for the token.
      fc.constant({ flag: '--uri', form: 'alone' }),
      fc.constantFrom(...NO_FLAGS).map((flag) => ({ flag, form: 'value' })),
      fc.constantFrom(...NO_FLAGS).map((flag) => ({ flag, form: 'after =' })),
      fc.constantFrom('--', '-', '', '-p', '--pin').map((flag) => ({ flag, form: 'joined' })),
      fc.constantFrom(0, 1, 2).map((at) => ({ flag: String(at), form: 'in place of a command' })),
    ),
  })
  .map(({ command, json, how: { flag, form } }) => (text) => {
    const args = {
      value: () => given(command, flag, text),
      'after =': () => [...command, `${flag}=${text}`],
      alone: () => [...command.slice(0, 4), flag, text, '--pin-file', noFile],
      joined: () => [...command, flag + text],
      'in place of a command': () => [...command.slice(0, Number(flag)), text],
    }[form];
    return { place: flag, args: [...(args?.() ?? []), ...(json ? ['--json'] : [])] };
  });

/** The permitted output: one error, a hint, and warnings; with `--json` also a document. */
function assertOneError(status: number, asJson: boolean) {
  expect([0, 1, 2]).toContain(status);
  if (status === 0) return;
  const said = written.filter((text) => text.startsWith('awsiot-credentialhelper: '));
  expect(said.filter((text) => text.includes(': error: '))).toHaveLength(1);
  const hints = said.filter((text) => text.includes(': hint: ')).length;
  expect(hints).toBeLessThan(2);
  const others = written.filter((text) => !said.includes(text));
  // Errors of the command line have a hint instead.
  const isUsage = status === 2 && others.length === 0;
  if (isUsage) expect(hints).toBe(1);
  expect(others).toHaveLength(asJson && !isUsage ? 1 : 0);
  for (const text of said) expect(text).not.toMatch(/\n.|\.[jt]s:\d/s);
}

async function plantInCommand(line: Line, secret: Mistyped) {
  const { place, args } = line(secret.text);
  if (isNamed(place, secret)) return;
  await plantIn(JSON.stringify(args), secret, async () => {
    process.exitCode = undefined;
    assertOneError(await runProgram(args), args.includes('--json'));
  });
}

const anything = fc.oneof(mistyped(keyPem), mistypedUris);
const isNamed = (place: string, { isName }: Mistyped) => isName && NAMES.includes(place);

/** Runs a property with the seed of this file. */
function check<T>(runs: number, values: fc.Arbitrary<T>, holds: (value: T) => Promise<void>) {
  const property = fc.asyncProperty(values, holds);
  return fc.assert(property, { seed: SEED, numRuns: often(runs), endOnFailure: true });
}

describe('the search', () => {
  const key = plantedKey(keyPem);
  it.each<[string, string, Planted]>([
    ['as it is', 'x83649271x', new Planted('83649271')],
    ['in part', 'it is orchard wal…', new Planted('violet orchard walrus')],
    ['as a number of Node.js', '836_492_715', new Planted('836492715')],
    ['in percent', '%C3%BC7%23x%3Fyz%20', new Planted('ü7#x?yz 123')],
    ['in hexadecimal digits', Buffer.from('k9Xw4Tq7').toString('hex'), new Planted('k9Xw4Tq7')],
    ['in base64', Buffer.from('k9Xw4Tq7k9').toString('base64'), new Planted('k9Xw4Tq7k9')],
    ['in capitals', 'K9XW4TQ7', new Planted('k9Xw4Tq7')],
    ['a line of a key', keyPem.split('\n')[2]?.slice(5, 15) ?? '', key],
  ])('finds a secret %s', (_name, text, planted) => {
    expect(planted.find(text)).toBeDefined();
    expect(planted.find('"privateKey" is not a file')).toBeUndefined();
  });

  it('fails if a place shows a secret', async () => {
    const secret = { text: '83649271', planted: new Planted('83649271'), isName: true };
    const shows = plantIn('a place', secret, () => {
      logger.warn?.('no token is called 83649271');
    });
    await expect(shows).rejects.toThrow('a place shows "83649271"');
  });
});

describe('no secret is shown', () => {
  it('by the library, in any option', async () => {
    const cases = fc.tuple(
      fc.constantFrom(...PLACES),
      fc.constantFrom(...CALLS.slice(0, 2)),
      anything,
    );
    await check(5000, cases, async ([[place, options], [name, call], secret]) => {
      if (isNamed(place, secret)) return;
      await plantIn(`${name}, ${place}`, secret, () => call(options(secret.text)));
    });
  });

  it('by a command, anywhere on its command line', async () => {
    await check(4000, fc.tuple(lines, anything), ([line, secret]) => plantInCommand(line, secret));
  });

  it('by the library with the token, in any option', async () => {
    const places = PLACES.filter(([name]) => !NOT_USED.includes(name));
    const cases = fc.tuple(fc.constantFrom(...places), anything);
    let logins = 0;
    await check(2000, cases, async ([[place, options], secret]) => {
      if (isNamed(place, secret)) return;
      const [name, call] = CALLS[2] as Call;
      await plantIn(`${name}, ${place}`, secret, () => call(options(secret.text)));
      if (written.some((line) => line.startsWith('C_Login'))) logins++;
    });
    expect(logins, 'how many got as far as the token').toBeGreaterThan(often(50));
  });

  it('by the built command line, in a separate process', async () => {
    // The same lines and secrets, with a process for each.
    const samples = fc.sample(fc.tuple(lines, anything), { seed: SEED, numRuns: often(100) });
    for (const [line, secret] of samples) {
      const { place, args } = line(secret.text);
      // Process arguments cannot contain NUL.
      if (isNamed(place, secret) || args.some((arg) => arg.includes('\0'))) continue;
      await plantIn(JSON.stringify(args), secret, async () => {
        const { status, signal, stdout, stderr } = await run(args);
        written.push(...[stdout, ...stderr.split(/^(?=awsiot-)/m)].filter((text) => text !== ''));
        expect(signal).toBeNull();
        assertOneError(status ?? -1, args.includes('--json'));
      });
    }
  });
});
