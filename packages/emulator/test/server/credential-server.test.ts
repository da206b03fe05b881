import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';

const emulator = await startEmulator({ region: 'eu-west-1' });
const stranger = await startEmulator({ region: 'eu-west-1', accountId: '999999999999' });
const folder = mkdtempSync(join(tmpdir(), 'emulator-endpoint-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await Promise.all([emulator.close(), stranger.close()]);
});
const seeded = await emulator.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const files = {
  cacert: join(folder, 'ca.pem'),
  cert: join(folder, 'cert.pem'),
  key: join(folder, 'key.pem'),
};
writeFileSync(files.cacert, emulator.ca);
writeFileSync(files.cert, seeded.certificatePem);
writeFileSync(files.key, seeded.privateKeyPem, { mode: 0o600 });

const { credentialsEndpoint, credentialsHostName } = emulator;
const port = Number(credentialsEndpoint.split(':')[1]);
const PATH = '/role-aliases/alias/credentials';

interface CurlAnswer {
  /** The status line and header of the response, as received. */
  readonly header: string;
  readonly status: number;
  readonly httpVersion: string;
  readonly body: string;
  /** Curl's exit status; 0 if there was a response. */
  readonly exit: number;
}

/** Sends a request with curl, which connects to the emulator for any host in the URL. */
async function curl(host: string, ...options: string[]): Promise<CurlAnswer> {
  const output = join(folder, 'body');
  writeFileSync(output, '');
  const { stdout, code } = await promisify(execFile)('curl', [
    ...['--silent', '--max-time', '10', '--connect-to', `::127.0.0.1:${port}`],
    ...['--cacert', files.cacert, '--cert', files.cert, '--key', files.key],
    ...['--dump-header', '-', '--output', '-', '--write-out', '\n%{http_code} %{http_version}'],
    ...options,
    `https://${host}:${port}${PATH}`,
  ]).then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  const [header = '', body = ''] = stdout.split('\r\n\r\n');
  const lines = body.split('\n');
  const [status = '', httpVersion = ''] = (lines.pop() ?? '').split(' ');
  return { header, body: lines.join('\n'), status: Number(status), httpVersion, exit: code };
}

/** Sends bytes over TLS, and returns the response, or the code of the error. */
function sendOverTls(options: ConnectionOptions, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const { ca } = emulator;
    const { certificatePem: cert, privateKeyPem: key } = seeded;
    let text = '';
    const socket = connect(
      { host: '127.0.0.1', port, servername: 'localhost', ca, cert, key, ...options },
      () => socket.end(bytes),
    );
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
    socket.on('close', () => resolve(text));
  });
}

const SECURITY = 'Certificate is invalid on this endpoint';

describe('the credential provider', () => {
  it("uses HTTP/1.1 with a client that also offers HTTP/2, with AWS's spelling of header names", async () => {
    const { status, httpVersion, header } = await curl('localhost', '--http2');
    expect([status, httpVersion]).toEqual([200, '1.1']);
    expect(header).toMatch(/^x-amzn-RequestId: [0-9a-f-]{36}\r?$/m);
    const refused = await curl('localhost', '--http2', '--header', 'x-amzn-iot-thingname: other');
    expect(refused.header).toMatch(/^x-amzn-ErrorType: AccessDeniedException\r?$/m);
  });

  it('rejects a client that offers only HTTP/2', async () => {
    const offer = { ALPNProtocols: ['h2'] };
    expect(await sendOverTls(offer, '')).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  });

  it('responds under its name on AWS', async () => {
    expect(credentialsHostName).toMatch(
      /^c[0-9a-f]{13}\.credentials\.iot\.eu-west-1\.amazonaws\.com$/,
    );
    expect((await curl(credentialsHostName)).status).toBe(200);
    expect((await curl(credentialsHostName.toUpperCase())).status).toBe(200);
  });

  it.each(['1.2', '1.3'])('fails without a name in the TLS %s handshake', async (version) => {
    const options = ['--insecure', '--tls-max', version, `--tlsv${version}`];
    expect((await curl('127.0.0.1', ...options)).exit).toBeGreaterThan(0);
    expect((await curl('localhost', ...options)).exit).toBe(0);
  });

  it.each(['other.example', 'abc-ats.iot.eu-west-1.amazonaws.com', 'credentials.iot'])(
    'fails with the name %s in the handshake',
    async (name) => {
      expect((await curl(name, '--insecure')).exit).toBeGreaterThan(0);
    },
  );

  it('does not accept the certificate under the name of another account', async () => {
    const { credentialsHostName: other } = stranger;
    expect(other).not.toBe(credentialsHostName);
    const answers = [await curl(other), await curl('localhost', '--header', `Host: ${other}`)];
    for (const { status, body } of answers) {
      expect(status).toBe(403);
      expect(JSON.parse(body)).toEqual({ message: SECURITY });
    }
  });

  it('rejects a Host that is not its own, and a request without one', async () => {
    const wrong = await curl('localhost', '--header', 'Host: other.example');
    expect(wrong.status).toBe(421);
    expect(JSON.parse(wrong.body)).toEqual({ message: 'Misdirected Request' });
    expect(await sendOverTls({}, `GET ${PATH} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'sees a client that would resume its %s session as a new one, faults included',
    async (maxVersion) => {
      const agent = new Agent({ maxCachedSessions: 10 });
      const get = () =>
        new Promise((resolve) => {
          const { ca } = emulator;
          const { certificatePem: cert, privateKeyPem: key } = seeded;
          const options = { port, path: PATH, agent, maxVersion, ca, cert, key };
          request({ host: 'localhost', ...options }, (response) => {
            const isReused = (response.socket as TLSSocket).isSessionReused();
            response.resume().on('end', () => resolve([response.statusCode, isReused]));
          })
            .on('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
            .end();
        });
      expect([await get(), await get()]).toEqual([
        [200, false],
        [200, false],
      ]);
      emulator.faults.add({ serverCertificate: 'expired', count: 1 });
      expect([await get(), await get()]).toEqual(['CERT_HAS_EXPIRED', [200, false]]);
      agent.destroy();
    },
  );

  it('ignores a query', async () => {
    const answer = await sendOverTls(
      {},
      `GET ${PATH}?a=b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });
});
