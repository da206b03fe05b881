import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { MAIN } from '../support/processes.ts';
import { startOnTerminal } from '../support/terminal.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-explain-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const dir = join(root, 'aws');

const COMMAND = [process.execPath, MAIN, 'explain', '--dir', dir];
const run = async (...args: string[]) => {
  const [file = '', ...more] = [...COMMAND, ...args];
  const child = spawn(file, more, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
  const [status] = (await once(child, 'close')) as [number];
  const [stdout = '', stderr = ''] = (await Promise.all(texts)).map((parts) => parts.join(''));
  return { status, stdout, stderr };
};

const first = await startEmulator({ dir });
const device = await first.seed({ keyType: 'EC-P256' });
await first.close();
const certificateFile = join(root, 'cert.pem');
// A file that also has the key, as some programs want.
writeFileSync(certificateFile, `${device.privateKeyPem}${device.certificatePem}`);
const request = (thing: string) => [
  ...['--thing', thing, '--certificate', certificateFile],
  ...['--role-alias', device.roleAlias],
];

describe('explain', () => {
  it('says step by step why a thing gets credentials', async () => {
    const { status, stdout, stderr } = await run(...request(device.thingName));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const marks = stdout.split('\n').map((line) => line.slice(0, 13).trim());
    expect(marks.filter((mark) => mark !== '')).toEqual([
      '✓ endpoint',
      '✓ certificate',
      '✓ thing',
      '✓ policy',
      '✓ role alias',
      '✓ role',
      '✓ duration',
      'The request g',
    ]);
    expect(stdout).toContain(
      'statement: {"Effect":"Allow","Action":"iot:AssumeRoleWithCertificate"',
    );
    expect(stdout).toContain(`attached to: ${device.certificateArn}`);
    expect(stdout).not.toContain('$ aws');
  });

  it('asks the emulator that runs, whose answer is that of the library', async () => {
    await using aws = await startEmulator({ dir });
    const { thingName, certificateId: certificate, roleAlias } = device;
    aws.iot.updateCertificate({ certificateId: certificate, newStatus: 'INACTIVE' });
    const args = ['--certificate', certificate.toUpperCase(), '--role-alias', roleAlias, '--json'];
    const { status, stdout, stderr } = await run('--thing', thingName, ...args);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout.split('\n')).toHaveLength(2);
    const explanation = aws.credentials.explain({ thingName, certificate, roleAlias });
    expect(JSON.parse(stdout)).toEqual(explanation);
    aws.iot.updateCertificate({ certificateId: certificate, newStatus: 'ACTIVE' });
  });

  it('on a terminal has colors, and the commands below the step that fails', async () => {
    const command = [...COMMAND, ...request('other')];
    const { status, printed } = await startOnTerminal(command).end();
    expect(status).toBe(1);
    expect(printed).toContain('\u001b[31m✗\u001b[39m thing       there is no thing other');
    const plain = stripVTControlCharacters(printed).split('\r\n');
    expect(plain.slice(2, 7)).toEqual([
      '✗ thing       there is no thing other',
      '              $ aws iot create-thing --thing-name other',
      `              $ aws iot attach-thing-principal --thing-name other --principal ${device.certificateArn}`,
      '· policy      not reached',
      '· role alias  not reached',
    ]);
    expect(plain.at(-2)).toBe('The request gets no credentials: 403 Invalid thing name passed');
    const uncolored = await startOnTerminal(command, { NO_COLOR: '1' }).end();
    expect(uncolored.printed.split('\r\n')).toEqual(plain);
  });

  it.each([
    ['a folder without state', /is not a folder of this emulator; "seed"/, ['--dir', root]],
    ['no certificate file', /cannot read the certificate: ENOENT/, ['--certificate', '/no/file']],
    ['a file without certificate', /contains no certificate/, ['--certificate', MAIN]],
    ['a host name', /Expected an IP address/, ['--source-ip', 'localhost']],
  ])('refuses %s', async (_what, message, args) => {
    const { status, stdout, stderr } = await run(...request('my-thing'), ...args);
    expect(stderr).toMatch(/^awsiot-credentialhelper-emulator: error: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});
