import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { containerContract } from '../../src/server/container.ts';
import { isLoopback } from '../../src/server/guard.ts';
import { fakeServed, serveContract } from '../support/local-server.ts';
import { send } from '../support/serve.ts';

const token = 'token-of-the-test';
const { base, port } = await serveContract(
  containerContract([{ path: '/credentials', token, served: fakeServed() }]),
);
const statusWith = async (headers: Readonly<Record<string, string>>) =>
  (await send(`${base}/credentials`, { authorization: token, ...headers })).status;

/** What the server sends on a connection, until it closes it. */
function talk(text: string, more?: () => string): Promise<{ text: string; ms: number }> {
  const beganMs = Date.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const timer = more && setInterval(() => socket.write(more()), 200);
    let said = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ text: said, ms: Date.now() - beganMs });
    });
  });
}

describe('a local server', () => {
  it.each([
    ['localhost', 200],
    [`LocalHost:${port}`, 200],
    ['127.0.0.1', 200],
    ['[::1]:80', 200],
    ['127.0.0.2', 403],
    ['localhost.attacker.example', 403],
    ['localhost:x', 403],
    ['::1', 403],
  ])('answers requests for the host %s with %i', async (host, status) => {
    expect(await statusWith({ host })).toBe(status);
  });

  it.each([
    'origin',
    'referer',
    'sec-fetch-site',
    'sec-fetch-modes',
    'sec-ch-ua',
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
  ])('refuses requests with %s', async (name) => {
    expect(await statusWith({ [name]: 'x' })).toBe(403);
  });

  it('answers fetch of Node.js', async () => {
    const { status } = await fetch(`${base}/credentials`, { headers: { authorization: token } });
    expect(status).toBe(200);
  });

  it('ends a connection whose headers do not come, or come slowly', async () => {
    const [silent, slow] = await Promise.all([
      talk('GET /credentials HTTP/1.1\r\n'),
      talk('GET /credentials HTTP/1.1\r\n', () => 'X: y\r\n'),
    ]);
    for (const { text, ms } of [silent, slow]) {
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(ms).toBeLessThan(9000);
    }
  });

  it('ends a connection with large headers, and one that is not HTTP', async () => {
    const { text } = await talk(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 /);
    expect((await talk('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n')).text).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  it('does not wait for a body', async () => {
    const head = `PUT /credentials HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\n`;
    const { text, ms } = await talk(`${head}Content-Length: 1000000\r\n\r\nx`);
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
    expect(ms).toBeLessThan(15_000);
  });
});

describe('a loopback address', () => {
  it.each(['127.0.0.1', '127.255.0.1', '::1', 'localhost', '0:0:0:0:0:0:0:1'])('%s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(['0.0.0.0', '::', '10.0.0.1', '169.254.170.2', '::ffff:10.0.0.1', 'example.com', ''])(
    'is not %s',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
