import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeEndpointCommand } from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';

/** Another address of this machine, which only programs on all interfaces listen on. */
const OTHER_ADDRESS = '127.0.0.2';

const folder = mkdtempSync(join(tmpdir(), 'emulator-host-'));
const local = await startEmulator();
const open = await startEmulator({ host: '0.0.0.0', names: ['Emulator', 'aws.test'] });
afterAll(async () => {
  await local.close();
  await open.close();
  rmSync(folder, { recursive: true });
});
const device = await open.seed({ keyType: 'EC-P256' });
for (const [name, text] of [
  ['ca.pem', open.ca],
  ['cert.pem', device.certificatePem],
  ['key.pem', device.privateKeyPem],
] as const) {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
}

const portOf = (endpoint: string) => Number(/\d+$/.exec(endpoint)?.[0]);

/** How an attempt to connect to another address of this machine ends. */
async function connectTo(port: number): Promise<string> {
  const socket = connect(port, OTHER_ADDRESS);
  const ended = await Promise.race([
    once(socket, 'connect').then(() => 'connected'),
    once(socket, 'error').then(([error]) => error.code as string),
  ]).catch((error: NodeJS.ErrnoException) => String(error.code));
  socket.destroy();
  return ended;
}

/** curl's output for a request under a name, and its exit status. */
async function curl(name: string): Promise<string> {
  const port = portOf(open.credentialsEndpoint);
  const url = `https://${name}:${port}/role-aliases/${device.roleAlias}/credentials`;
  const args = ['--silent', '--resolve', `${name}:${port}:${OTHER_ADDRESS}`];
  const identity = ['--cacert', 'ca.pem', '--cert', 'cert.pem', '--key', 'key.pem'];
  const header = ['--header', `x-amzn-iot-thingname: ${device.thingName}`];
  return promisify(execFile)('curl', [...args, ...identity, ...header, url], { cwd: folder }).then(
    ({ stdout }) => stdout,
    ({ code }) => `exit status ${code}`,
  );
}

/** The status of a control request with this `Host`. */
async function control({ apiEndpoint, controlToken }: Emulator, name: string): Promise<number> {
  const host = name.replace('PORT', String(portOf(apiEndpoint)));
  const headers = { host, authorization: `Bearer ${controlToken}` };
  const sent = request(`${apiEndpoint}/_emulator/faults`, { headers }).end();
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode;
}

describe('the address that it listens on', () => {
  it('is of this machine alone', async () => {
    expect(await connectTo(portOf(local.apiEndpoint))).toBe('ECONNREFUSED');
    expect(await connectTo(portOf(local.credentialsEndpoint))).toBe('ECONNREFUSED');
  });

  it('may be all, also again after a fault', async () => {
    expect(await connectTo(portOf(open.apiEndpoint))).toBe('connected');
    const port = portOf(open.credentialsEndpoint);
    expect(await connectTo(port)).toBe('connected');
    open.faults.add({ connection: 'refuse' });
    await expect.poll(() => connectTo(port)).toBe('ECONNREFUSED');
    open.faults.clear();
    await expect.poll(() => connectTo(port)).toBe('connected');
  });
});

describe('the names of the credential provider', () => {
  it('are in its certificate, also in another case, besides localhost and that on AWS', async () => {
    const names = ['emulator', 'EMULATOR', 'aws.test', 'localhost', open.credentialsHostName];
    for (const name of names) expect(await curl(name), name).toContain('"accessKeyId":"ASIA');
  });

  it('are no others', async () => {
    // CURLE_SSL_CONNECT_ERROR: the alert unrecognized_name.
    for (const name of ['other', 'sub.emulator']) expect(await curl(name)).toBe('exit status 35');
  });

  it('are not in the wrong certificate, and are in the expired one', async () => {
    const serverCertificate = 'other-name';
    open.faults.add({ serverCertificate, count: 1 });
    // CURLE_PEER_FAILED_VERIFICATION
    expect(await curl('emulator')).toBe('exit status 60');
    open.faults.add({ serverCertificate: 'expired', count: 1 });
    expect(await curl('emulator')).toBe('exit status 60');
    expect(await curl('emulator')).toContain('accessKeyId');
  });

  it('are reported to clients: the first', async () => {
    expect(open.credentialsEndpoint).toMatch(/^emulator:\d+$/);
    const sdk = openSdk(open);
    const command = new DescribeEndpointCommand({ endpointType: 'iot:CredentialProvider' });
    const { endpointAddress } = await sdk.things.send(command);
    sdk.close();
    expect(endpointAddress).toBe(open.credentialsEndpoint);
  });
});

describe('the Host of control requests', () => {
  it.each([
    ['localhost:PORT', 200, 200],
    ['LOCALHOST:PORT', 200, 200],
    ['127.0.0.1:PORT', 200, 200],
    ['localhost:49153', 403, 200],
    ['emulator:PORT', 403, 200],
    ['emulator:49153', 403, 200],
    ['AWS.test', 403, 200],
    ['172.17.0.2:PORT', 403, 200],
    ['[fd00::2]:49153', 403, 200],
    ['page.example:PORT', 403, 403],
    ['emulator.page.example', 403, 403],
    ['127.0.0.1.page.example', 403, 403],
  ])('%s: %i here alone, %i on all interfaces', async (host, here, everywhere) => {
    expect([await control(local, host), await control(open, host)]).toEqual([here, everywhere]);
  });
});
