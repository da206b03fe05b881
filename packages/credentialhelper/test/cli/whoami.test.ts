import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { pipeTo, startTcpServer, startTinyproxy, startTlsFront } from '../support/proxies.ts';
import { plantKey } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws = await startEmulator();
afterAll(() => aws.close());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const FLAGS = [
  ...['whoami', '--endpoint', aws.credentialsEndpoint, '--region', aws.region],
  ...['--role-alias', 'alias', '--thing-name', 'thing', '--timeout-ms', '5000'],
  ...['--certificate', write('cert.pem', seed.certificatePem)],
  ...['--private-key', write('key.pem', seed.privateKeyPem), '--ca', write('ca.pem', aws.ca)],
];
plantKey(seed.privateKeyPem);
const LIMIT = ['--timeout-ms', '3000'];
const at = (url: string) => ({
  env: { AWS_ENDPOINT_URL: url, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'false' },
});
const arn = expect.stringMatching(
  new RegExp(`^arn:aws:sts::${aws.accountId}:assumed-role/alias-role/${seed.certificateId}$`),
);

describe('whoami', () => {
  it('prints account, ARN and user id', async () => {
    const { status, stdout, stderr } = await run(FLAGS, at(aws.apiEndpoint));
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      `account: ${aws.accountId}`,
      expect.stringContaining(`:assumed-role/alias-role/${seed.certificateId}`),
      expect.stringMatching(`^user id: AROA.*:${seed.certificateId}$`),
      '',
    ]);
  });

  it('asks with the credentials of the session, and with no other', async () => {
    const env = {
      AWS_ENDPOINT_URL_STS: aws.apiEndpoint,
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLEEXAMPLE00',
      AWS_SECRET_ACCESS_KEY: 'another',
      AWS_CONFIG_FILE: write('config', ''),
    };
    expect(await runJson(FLAGS, { env })).toEqual({
      account: aws.accountId,
      arn,
      userId: expect.stringContaining(seed.certificateId),
    });
  });

  it('reports in one line that STS cannot be reached', async () => {
    const { status, stdout, stderr } = await run([...FLAGS, '--json'], at('http://127.0.0.1:1'));
    expect(status).toBe(1);
    expect(stderr).toBe(
      'awsiot-credentialhelper: error: no answer from AWS STS at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n',
    );
    expect(JSON.parse(stdout).error.code).toBe('ERR_STS_UNREACHABLE');
  });

  it('reports in one line that STS refuses the credentials', async () => {
    const server = createServer((_, response) => {
      response.writeHead(403, { 'content-type': 'text/xml', 'x-amzn-requestid': 'one' });
      response.end(
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Signature\nexpired</Message></Error></ErrorResponse>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { status, stdout, stderr } = await run(
      [...FLAGS, '--json'],
      at(`http://127.0.0.1:${port}`),
    );
    server.close();
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^awsiot-credentialhelper: error: AWS STS at 127\.0\.0\.1:\d+ refused the credentials: HTTP 403, SignatureDoesNotMatch: Signature.*expired\n$/,
    );
    expect(JSON.parse(stdout).error.code).toBe('ERR_STS_REFUSED');
  });

  it.each([
    ['a captive portal', '302 Found', '<html>Sign in', 'not one of AWS STS (HTTP 302)'],
    ['a page of a firewall', '403 Forbidden', '<html>Blocked', 'not one of AWS STS (HTTP 403)'],
    ['an empty response', '200 OK', '', 'not one of AWS STS (without an identity)'],
    ['a server that fails', '500 Oh', '', 'not one of AWS STS (HTTP 500)'],
  ])('takes %s for no answer of STS', async (_name, status, body, said) => {
    const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: ${body.length}`;
    const server = await startTcpServer((socket) => {
      socket.once('data', () => socket.end(`${head}\r\n\r\n${body}`));
    });
    const result = await run([...FLAGS, '--json'], at(`http://${server}`));
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`error: no answer from AWS STS at ${server}: `);
    expect(result.stderr).toContain(said);
    expect(JSON.parse(result.stdout).error.code).toBe('ERR_STS_UNREACHABLE');
  });

  it.each<[string, (socket: Socket) => void]>([
    ['does not answer', () => {}],
    [
      'stops in its answer',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'),
    ],
  ])('ends in time if STS %s', async (_name, behave) => {
    const server = await startTcpServer((socket) => socket.once('data', () => behave(socket)));
    const { status, stderr } = await run([...FLAGS, ...LIMIT], at(`http://${server}`));
    expect([status, stderr.split('\n')[0]]).toEqual([
      1,
      `awsiot-credentialhelper: error: no answer from AWS STS at ${server}: timed out after 3000 ms waiting for the response`,
    ]);
  });

  it('ends in time if a proxy connects to an AWS STS without TLS handshake', async () => {
    const proxy = await startTcpServer((socket) => {
      socket.once('data', (request) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        if (!`${request}`.includes('sts.example')) pipeTo(aws.credentialsEndpoint)(socket);
      });
    });
    const { env } = at('https://sts.example');
    const { status, stderr } = await run([...FLAGS, ...LIMIT], {
      env: { ...env, https_proxy: `http://${proxy}` },
    });
    expect(status).toBe(1);
    expect(stderr).toContain('no answer from AWS STS at sts.example: timed out after 3000 ms');
  });

  it('asks through the proxy of the session, unless NO_PROXY excludes AWS STS', async () => {
    const proxy = await startTinyproxy(folder);
    const front = await startTlsFront(folder, new URL(aws.apiEndpoint).host, () => {});
    const { env } = at(`https://${front.authority}`);
    const trusted = { ...env, NODE_EXTRA_CA_CERTS: front.caFile };
    const asked = async (more: Record<string, string>) => {
      const before = proxy.log().split(`CONNECT ${front.authority} `).length;
      expect(await runJson(FLAGS, { env: { ...trusted, ...more } })).toMatchObject({ arn });
      return proxy.log().split(`CONNECT ${front.authority} `).length - before;
    };
    const https_proxy = `http://${proxy.authority}`;
    expect(await asked({ https_proxy })).toBe(1);
    expect(await asked({ https_proxy, no_proxy: front.authority })).toBe(0);
    expect(await asked({})).toBe(0);
  });

  it('reports a proxy that refuses to connect to AWS STS', async () => {
    const { port } = new URL(`https://${aws.credentialsEndpoint}`);
    const proxy = await startTinyproxy(folder, { lines: [`ConnectPort ${port}`] });
    const env = { ...at('https://localhost:1').env, https_proxy: `http://${proxy.authority}` };
    const { status, stderr } = await run(FLAGS, { env });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `no answer from AWS STS at localhost:1: the proxy http://${proxy.authority} refused to connect to localhost:1 (HTTP 403)`,
    );
  });

  it('reports the error of the credential provider', async () => {
    const { status, stderr } = await run([...FLAGS, '--thing-name', 'other'], at(aws.apiEndpoint));
    expect(status).toBe(1);
    expect(stderr).toContain('Invalid thing name passed');
  });
});
