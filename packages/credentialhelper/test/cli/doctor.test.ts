import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, copyFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { linesOf, styleOf } from '../../src/cli/doctor/print.ts';
import { run } from '../support/cli.ts';
import { commandsOf, diagnose } from '../support/doctor.ts';
import { fakeTime } from '../support/fake-time.ts';
import { makeDated, makeSelfSigned, openssl } from '../support/openssl.ts';
import { pipeTo, startTcpServer, startTinyproxy } from '../support/proxies.ts';
import { startRawServer } from '../support/raw-server.ts';
import { plantKey, plantSecret } from '../support/secrets.ts';
import { startSlowListener } from '../support/slow-listener.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY_MS = 24 * 3_600_000;
const folder = temporaryFolder();
const aws = await startEmulator();
afterAll(() => aws.close());
beforeEach(() => aws.faults.clear());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
plantKey(seed.privateKeyPem);
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const certificate = write('cert.pem', seed.certificatePem);
const key = write('key.pem', seed.privateKeyPem);
const ca = write('ca.pem', aws.ca);
const STS = { AWS_ENDPOINT_URL: aws.apiEndpoint };

/** The flags of the session, with others. */
const flags = (others: Readonly<Record<string, string | undefined>> = {}) =>
  Object.entries({
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    'role-alias': 'alias',
    'thing-name': 'thing',
    certificate,
    'private-key': key,
    ca,
    'timeout-ms': '20000',
    ...others,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));

const found = (others: Readonly<Record<string, string | undefined>> = {}, env = {}) =>
  diagnose(flags(others), { ...STS, ...env });

describe('doctor, where all is well', () => {
  it('shows what it saw in each step', async () => {
    const { status, stdout, stderr } = await run(['doctor', ...flags()], {
      env: { ...STS, LC_ALL: 'C.UTF-8', AWS_IOT_THING_NAME: 'ignored' },
    });
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines.filter((line) => /^\S/.test(line)).map((line) => line.slice(0, 13))).toEqual([
      ...['✓ settings   ', '✓ endpoint   ', '✓ dns        ', '✓ connection '],
      ...['✓ server     ', '✓ certificate', '✓ key        ', '✓ clock      '],
      ...['✓ credentials', '✓ identity   ', 'all is well'],
    ]);
    expect(stdout).toContain('thingName = thing  (option --thing-name)');
    expect(stdout).toContain('TLS 1.3, certificate "localhost" issued by "Emulator Root CA"');
    expect(stdout).toContain(`trusted CA certificates: file "${ca}"`);
    expect(stdout).toContain(`${seed.certificateId} (`);
    expect(stdout).toContain(`assumed-role/alias-role/${seed.certificateId}`);
  });

  it('prints one JSON document for support, with versions', async () => {
    const { stdout } = await run(['doctor', ...flags(), '--json'], { env: STS });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      version: expect.stringMatching(/^\d/),
      node: process.versions.node,
      findings: expect.any(Array),
    });
  });

  it('takes a certificate with its chain, and a key with a passphrase', async () => {
    const { certificateFile } = makeSelfSigned(folder, 'issuer');
    const chain = write(
      'chain.pem',
      `${seed.certificatePem}${openssl('x509', '-in', certificateFile)}`,
    );
    const passphrase = write('passphrase', plantSecret('a-passphrase-7'));
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'a-passphrase-7' };
    const encrypted = write(
      'encrypted.pem',
      createPrivateKey(seed.privateKeyPem)
        .export({ type: 'pkcs8', format: 'pem', ...cipher })
        .toString(),
    );
    const others = { certificate: chain, 'private-key': encrypted, 'passphrase-file': passphrase };
    const { broken, of } = await found(others);
    expect(broken).toEqual([]);
    expect(of('certificate').details).toEqual([expect.stringContaining('issuer')]);
  });
});

describe('doctor, with wrong settings', () => {
  it.each([
    ['endpoint', 'not set: endpoint of the credential provider'],
    ['certificate', 'not set: the device certificate'],
    ['private-key', 'not set: its private key'],
    ['role-alias', 'not set: name of the role alias'],
  ])('finds that %s is not set, and how to set it', async (name, said) => {
    const { broken, of } = await found({ [name]: undefined });
    const step = { 'private-key': 'key', 'role-alias': 'settings' }[name] ?? name;
    expect(broken).toEqual([step]);
    expect(of(step as 'key')).toMatchObject({
      seen: said,
      remedy: { what: expect.stringContaining(`pass --${name}`) },
    });
  });

  it('finds the data endpoint, and still tests certificate and key', async () => {
    const endpoint = 'abc-ats.iot.eu-west-1.amazonaws.com';
    const { broken, of } = await found({ endpoint });
    expect(broken).toEqual(['endpoint']);
    expect(of('endpoint').code).toBe('ERR_DATA_ENDPOINT');
    expect(commandsOf(of('endpoint'), 'show')).toEqual([
      'aws iot describe-endpoint --endpoint-type iot:CredentialProvider',
    ]);
    expect(of('key').status).toBe('ok');
    expect(of('credentials').status).toBe('skipped');
  });

  it('finds that the region is not known', async () => {
    const { broken, of } = await found({ region: undefined }, { AWS_REGION: '' });
    expect(broken).toEqual(['endpoint']);
    expect(of('endpoint').code).toBe('ERR_REGION_UNKNOWN');
  });

  it('finds an invalid name, and still tests the rest', async () => {
    const { broken, of } = await found({ 'thing-name': 'a thing' });
    expect(broken).toEqual(['settings']);
    expect([of('server').status, of('key').status]).toEqual(['ok', 'ok']);
  });

  it('reports a file of settings that cannot be read', async () => {
    const { broken, of } = await found({ config: join(folder, 'none.yaml') });
    expect(broken).toEqual(['settings']);
    expect(of('settings').code).toBe('ERR_FILE_UNREADABLE');
  });

  it('exits with 2 for an invalid command line', async () => {
    const { status, stdout, stderr } = await run(['doctor', '--no-such-option']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain("unknown option '--no-such-option'");
  });
});

const page: Fault = {
  response: { status: 200, body: '<html>Sign in', headers: { 'content-type': 'text/html' } },
};

describe('doctor, with a broken network', () => {
  it.each<[string, Readonly<Record<string, string>>, string, string]>([
    ['no DNS', { endpoint: 'none.invalid' }, 'dns', 'ERR_DNS'],
    ['a closed port', { endpoint: 'localhost:1' }, 'connection', 'ERR_CONNECTION_REFUSED'],
    [
      'another CA',
      { ca: makeSelfSigned(folder, 'other-ca').certificateFile },
      'server',
      'ERR_SERVER_UNTRUSTED',
    ],
    ['a file that is no CA', { ca: key }, 'server', 'ERR_CA_INVALID'],
    ['plain HTTP', { endpoint: new URL(aws.apiEndpoint).host }, 'server', 'ERR_TLS_HANDSHAKE'],
  ])('finds %s, and still tests certificate and key', async (_name, others, step, code) => {
    const { broken, of } = await found(others);
    expect(broken).toEqual([step]);
    expect(of(step as 'dns').code).toBe(code);
    expect([of('certificate').status, of('key').status]).toEqual(['ok', 'ok']);
    expect(of('credentials').status).toBe('skipped');
  });

  it.each<[string, Fault, string, string]>([
    [
      'a server for another name',
      { serverCertificate: 'other-name' },
      'server',
      'ERR_SERVER_NAME_MISMATCH',
    ],
    ['an unknown issuer', { serverCertificate: 'untrusted' }, 'server', 'ERR_SERVER_UNTRUSTED'],
    [
      'a server certificate that has expired',
      { serverCertificate: 'expired' },
      'server',
      'ERR_SERVER_CERTIFICATE_DATE',
    ],
    ['a server without TLS', { connection: 'no-handshake' }, 'server', 'ERR_TIMEOUT'],
    ['a refused connection', { connection: 'refuse' }, 'connection', 'ERR_CONNECTION_REFUSED'],
    ['a refused version of TLS', { tlsAlert: 'protocol_version' }, 'server', 'ERR_TLS_VERSION'],
    [
      'a refused certificate',
      { tlsAlert: 'bad_certificate' },
      'credentials',
      'ERR_CLIENT_CERTIFICATE_REFUSED',
    ],
    ['a captive portal', page, 'credentials', 'ERR_RESPONSE_INVALID'],
    ['throttling', { response: { status: 429 } }, 'credentials', 'ERR_THROTTLED'],
    ['no response', { action: 'hang' }, 'credentials', 'ERR_TIMEOUT'],
  ])('finds %s', async (_name, fault, step, code) => {
    aws.faults.add(fault);
    const { broken, of } = await found(code === 'ERR_TIMEOUT' ? { 'timeout-ms': '3000' } : {});
    expect(broken).toEqual([step]);
    expect(of(step as 'dns').code).toBe(code);
  });

  it('says what a web page instead of the service means', async () => {
    aws.faults.add(page);
    const { of } = await found();
    expect(of('credentials').remedy?.what).toContain('captive portal');
  });

  it('shows the certificates of a server that is not trusted', async () => {
    const { of } = await found({ ca: undefined }, { NODE_EXTRA_CA_CERTS: '' });
    expect(of('server').details).toEqual([
      expect.stringMatching(/^"localhost" issued by "Emulator Root CA", valid until 20/),
      'trusted CA certificates: those of Node.js',
    ]);
  });

  it('goes on with a server that has only TLS 1.2, and is none of AWS', async () => {
    const server = await startRawServer(folder, { maxVersion: 'TLSv1.2' });
    server.behave = (socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    const { broken, of } = await found({ endpoint: server.endpoint, ca: server.caFile });
    expect(of('server').seen).toContain('TLS 1.2');
    expect(broken).toEqual(['credentials']);
    expect(of('credentials').code).toBe('ERR_UNEXPECTED_STATUS');
  });

  it('gives each of several addresses as much time as a session does', async () => {
    const slow = await startSlowListener(aws.credentialsEndpoint.split(':')[1] ?? '');
    const addresses = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
    const preloaded = write(
      'lookup.cjs',
      `require('node:dns').lookup = (host, options, callback) =>
        process.nextTick(callback, null, ${JSON.stringify(addresses)});`,
    );
    try {
      setTimeout(slow.goOn, 1200);
      // The kernel tries again 1, 3, 7 and 15 seconds after the first time.
      const { broken } = await found(
        { endpoint: `localhost:${slow.port}`, 'timeout-ms': '20000' },
        { NODE_OPTIONS: `--require ${preloaded}` },
      );
      expect(broken).toEqual([]);
    } finally {
      slow.end();
    }
  });

  it('reports what is broken on both sides', async () => {
    const { keyFile } = makeSelfSigned(folder, 'stranger');
    const { broken } = await found({ endpoint: 'localhost:1', 'private-key': keyFile });
    expect(broken).toEqual(['connection', 'key']);
  });
});

describe('doctor, with a proxy', async () => {
  const password = plantSecret('pass-word-of-the-proxy');
  const user = { name: 'user', password };
  const proxy = await startTinyproxy(folder);
  const guarded = await startTinyproxy(folder, { user });
  const strict = await startTinyproxy(folder, { lines: ['ConnectPort 1'] });

  it('tests the name and the connection of the proxy, and then the endpoint through it', async () => {
    const { broken, of } = await found({}, { https_proxy: `http://${proxy.authority}` });
    expect(broken).toEqual([]);
    expect(of('connection').seen).toContain('to the proxy: 127.0.0.1');
    expect(of('proxy')).toMatchObject({
      status: 'ok',
      seen: `http://${proxy.authority} connects to ${aws.credentialsEndpoint}`,
      details: ['set by the environment variable https_proxy'],
    });
    expect(of('server').seen).toContain('TLS 1.3');
  });

  it('uses none that NO_PROXY excludes', async () => {
    const env = { https_proxy: 'http://127.0.0.1:1', NO_PROXY: 'localhost' };
    expect((await found({}, env)).broken).toEqual([]);
  });

  it.each([
    ['a name that does not exist', 'http://none.invalid:3128', 'dns', 'ERR_PROXY'],
    ['a closed port', 'http://127.0.0.1:1', 'connection', 'ERR_PROXY'],
    ['a proxy that refuses the port', `http://${strict.authority}`, 'proxy', 'ERR_PROXY_REFUSED'],
    ['no password', `http://${guarded.authority}`, 'proxy', 'ERR_PROXY_REFUSED'],
    [
      'a wrong password',
      `http://user:${plantSecret('wrong-word')}@${guarded.authority}`,
      ...['proxy', 'ERR_PROXY_REFUSED'],
    ],
  ])('finds %s', async (_name, url, step = '', code = '') => {
    const { broken, of } = await found({}, { https_proxy: url });
    expect(broken).toEqual([step]);
    expect(of(step as 'proxy').code).toBe(code);
    expect(of('key').status).toBe('ok');
  });

  it('warns about a server with the name of AWS whose certificate is not by Amazon', async () => {
    // Whatever the client asks for.
    const interceptor = await startTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        pipeTo(aws.credentialsEndpoint)(socket);
      });
    });
    const others = { endpoint: aws.credentialsHostName, region: undefined };
    const { broken, of } = await found(others, { https_proxy: `http://${interceptor}` });
    expect(broken).toEqual([]);
    expect(of('endpoint').seen).toBe(`${aws.credentialsHostName}, region ${aws.region}`);
    expect(of('server')).toMatchObject({
      status: 'warn',
      seen: expect.stringContaining('not by Amazon'),
      remedy: { what: expect.stringContaining('intercept') },
    });
  });

  it('does not show the password of a proxy', async () => {
    const url = `http://user:${password}@${guarded.authority}`;
    const { broken, of } = await found({}, { HTTPS_PROXY: url });
    expect(broken).toEqual([]);
    expect(of('proxy').seen).toContain(`http://${guarded.authority} connects`);
  });
});

describe('doctor, with a broken certificate or key', () => {
  it('finds an expired certificate, one that is not valid yet, and one that soon expires', async () => {
    const now = Date.now();
    for (const [name, from, to, status] of [
      ['expired', now - 9 * DAY_MS, now - DAY_MS, 'ERR_CERTIFICATE_EXPIRED'],
      ['future', now + DAY_MS, now + 9 * DAY_MS, 'ERR_CERTIFICATE_NOT_YET_VALID'],
      ['short', now - DAY_MS, now + 9.5 * DAY_MS, 'warn'],
    ] as const) {
      const { keyFile, certificateFile } = makeDated(folder, name, from, to);
      const others = { certificate: certificateFile, 'private-key': keyFile };
      const { broken, of } = await found(others);
      const finding = of('certificate');
      expect(finding.code ?? finding.status).toBe(status);
      // The short one is valid, but not registered.
      expect(broken).toEqual([status === 'warn' ? 'credentials' : 'certificate']);
      expect(of('key').status).toBe('ok');
    }
  });

  it('finds the key of another certificate, and shows how to compare them', async () => {
    const { keyFile } = makeSelfSigned(folder, 'another');
    const { broken, of } = await found({ 'private-key': keyFile });
    expect(broken).toEqual(['key']);
    expect(of('key').code).toBe('ERR_KEY_CERTIFICATE_MISMATCH');
    const [one, other] = commandsOf(of('key'), 'show').map((command) =>
      execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }),
    );
    expect(one).toContain('BEGIN PUBLIC KEY');
    expect(one).not.toBe(other);
  });

  it.each([
    ['an encrypted key without its passphrase', {}, 'ERR_PASSPHRASE_REQUIRED'],
    [
      'a wrong passphrase',
      { 'passphrase-file': write('wrong', plantSecret('wrong-9')) },
      'ERR_PASSPHRASE_WRONG',
    ],
  ])('finds %s', async (_name, others, code) => {
    const cipher = { cipher: 'aes-256-cbc', passphrase: plantSecret('right-8') };
    const pem = createPrivateKey(seed.privateKeyPem).export({
      type: 'pkcs8',
      format: 'pem',
      ...cipher,
    });
    const { broken, of } = await found({
      'private-key': write('with-passphrase.pem', `${pem}`),
      ...others,
    });
    expect(broken).toEqual(['key']);
    expect(of('key').code).toBe(code);
  });

  it('finds files that do not exist', async () => {
    const none = join(folder, 'none.pem');
    expect((await found({ certificate: none })).of('certificate').code).toBe('ERR_FILE_UNREADABLE');
    expect((await found({ 'private-key': none })).of('key').code).toBe('ERR_FILE_UNREADABLE');
  });

  it('warns about a key that others can read, until the command that it prints was run', async () => {
    const open = join(folder, 'open key.pem');
    copyFileSync(key, open);
    chmodSync(open, 0o644);
    const { broken, of } = await found({ 'private-key': open });
    expect(broken).toEqual([]);
    expect(of('key')).toMatchObject({ status: 'warn', seen: expect.stringContaining('belongs') });
    for (const command of commandsOf(of('key'), 'fix')) execFileSync('/bin/sh', ['-c', command]);
    expect(statSync(open).mode & 0o777).toBe(0o600);
    expect((await found({ 'private-key': open })).of('key').status).toBe('ok');
  });
});

describe('doctor, on a device with a wrong clock', () => {
  const at = (offset: string) => ({
    ...fakeTime(offset),
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  });

  it.each([
    ['+1d', 'failed', '24 hours ahead of'],
    ['-3d', 'failed', '3 days behind'],
    ['+200s', 'warn', '3 minutes ahead of'],
  ])('with an offset of %s: %s', async (offset, status, said) => {
    const { of, broken } = await found({}, at(offset));
    expect(of('clock')).toMatchObject({ status, seen: expect.stringContaining(said) });
    expect(broken).toEqual(status === 'failed' ? ['clock'] : []);
  });

  it('of 1990, at which nothing is valid', async () => {
    const { of, broken } = await found({}, at('@1990-01-01 00:00:00'));
    expect(broken).toEqual(['clock']);
    expect(of('server')).toMatchObject({ status: 'warn', code: 'ERR_SERVER_CERTIFICATE_DATE' });
    expect(of('certificate').status).toBe('ok');
  });
});

describe('the form of the output', () => {
  const terminal = { isTTY: true, hasColors: () => true } as never;
  const pipe = { isTTY: false } as never;

  it.each([
    [{}, terminal, true],
    [{}, pipe, false],
    [{ NO_COLOR: '1' }, terminal, false],
    [{ FORCE_COLOR: '1' }, pipe, true],
    [{ FORCE_COLOR: '0' }, terminal, false],
  ])('with %j', (environment, output, isColored) => {
    expect(styleOf(environment, output).isColored).toBe(isColored);
  });

  it.each([
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, false],
    [{ LC_CTYPE: 'C.utf8' }, true],
    [{}, false],
  ])('has characters other than ASCII with %j: %s', (environment, isUnicode) => {
    expect(styleOf(environment, pipe).isUnicode).toBe(isUnicode);
  });

  it('escapes what could control the terminal', () => {
    const finding = { step: 'token', status: 'ok', seen: 'a\u001b[31m\nb' } as const;
    const [line] = linesOf(finding, { isUnicode: false, isColored: false });
    expect(line).toBe('ok   token       a\\u001b[31m\\u000ab');
  });

  it('has only ASCII in a terminal that shows no more', async () => {
    const { stdout } = await run(['doctor', ...flags({ endpoint: 'localhost:1' })], {
      env: { LC_ALL: 'C' },
    });
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
    expect(stdout).toContain('FAIL connection');
  });
});
