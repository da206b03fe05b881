import { createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createSession, type FromIotCoreInit } from 'awsiot-credentialhelper';
import { afterAll, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import {
  answer,
  type Behaviour,
  credentials,
  json,
  resetConnection,
  startRawServer,
} from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const softHsm = startSoftHsm();
softHsm.initToken('device-token');
softHsm.importKey({ token: 'device-token', label: 'device-key', id: '01', file: device.keyFile });
const pkcs11 = {
  library: SOFTHSM_LIBRARY,
  userPin: PIN,
  tokenLabel: 'device-token',
  privateKeyLabel: 'device-key',
};

/** Every way to send a request. */
const WAYS: Record<string, Partial<FromIotCoreInit>> = {
  'a key from a file': { privateKey: device.keyFile },
  'a key in a token': { pkcs11 },
  'a key in a token, in the calling process': { pkcs11: { ...pkcs11, isolate: false } },
};

const server = await startRawServer(folder);
const otherName = await startRawServer(folder, {}, ['-addext', 'subjectAltName=DNS:other.example']);
const tls13 = await startRawServer(folder, { minVersion: 'TLSv1.3' });
const oldTls = await startRawServer(folder, {
  minVersion: 'TLSv1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
});

const FAULTS: Record<string, { behave: Behaviour; code: string; message?: RegExp }> = {
  'closes after the request': {
    behave: (socket) => socket.end(),
    code: 'ERR_CONNECTION_RESET',
  },
  'resets after the request': {
    behave: (socket) => resetConnection(socket),
    code: 'ERR_CONNECTION_RESET',
  },
  'responds without HTTP': {
    behave: (socket) => socket.end('220 mail.example ESMTP\r\n'),
    code: 'ERR_RESPONSE_INVALID',
    message: /not HTTP/,
  },
  'answers HTML': {
    behave: answer('200 OK', '<html>Sign in to the network</html>', ['content-type: text/html']),
    code: 'ERR_RESPONSE_INVALID',
    message: /not JSON \(text\/html\)/,
  },
  'answers nothing': { behave: answer('200 OK', ''), code: 'ERR_RESPONSE_INVALID' },
  'answers JSON of another kind': { behave: json([1]), code: 'ERR_RESPONSE_INVALID' },
  'answers null': { behave: json(null), code: 'ERR_RESPONSE_INVALID' },
  'cuts the body in half': {
    behave: (socket) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"credentials":{"accessKeyId":"A`),
    code: 'ERR_RESPONSE_TRUNCATED',
  },
  'cuts a chunked body in half': {
    behave: (socket) =>
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\n{"credentials"'),
    code: 'ERR_RESPONSE_TRUNCATED',
  },
  'answers 10 MB': {
    behave: answer('200 OK', 'x'.repeat(10 * 1024 * 1024)),
    code: 'ERR_RESPONSE_TOO_LARGE',
  },
  redirects: {
    behave: answer('302 Found', 'over there', ['location: https://evil.example/']),
    code: 'ERR_UNEXPECTED_STATUS',
  },
  'answers 200 with credentials that lack the session token': {
    behave: json({ credentials: { ...credentials, sessionToken: undefined } }),
    code: 'ERR_RESPONSE_INVALID',
    message: /"sessionToken" is missing/,
  },
  'responds with credentials with an invalid expiration': {
    behave: json({ credentials: { ...credentials, expiration: 'soon' } }),
    code: 'ERR_RESPONSE_INVALID',
    message: /"expiration" is not a date/,
  },
  'responds with credentials that expire in years': {
    behave: json({ credentials: { ...credentials, expiration: '2099-01-01T00:00:00Z' } }),
    code: 'ERR_RESPONSE_INVALID',
    message: /valid for longer than any that AWS issues/,
  },
  'responds with credentials with a newline': {
    behave: json({ credentials: { ...credentials, sessionToken: 'token-of-the-answer\r\nx: y' } }),
    code: 'ERR_RESPONSE_INVALID',
    message: /"sessionToken" has characters/,
  },
  'answers with a type of 9,000 characters': {
    behave: answer('200 OK', 'x', [`content-type: ${'t'.repeat(9000)}`]),
    code: 'ERR_RESPONSE_INVALID',
    message: /not JSON \(t{200}…\)/,
  },
  'responds with expired credentials': {
    behave: json({ credentials: { ...credentials, expiration: '2020-01-01T00:00:00Z' } }),
    code: 'ERR_CREDENTIALS_EXPIRED',
    message: /2020-01-01/,
  },
  throttles: {
    behave: answer('429 Too Many Requests', '{"message":"Rate exceeded"}'),
    code: 'ERR_THROTTLED',
    message: /Rate exceeded/,
  },
  fails: { behave: answer('503 Service Unavailable', 'no upstream'), code: 'ERR_SERVICE' },
  'refuses with a message of another kind': {
    behave: answer('403 Forbidden', '{"message":"\\u001b[31mNo\\nway"}'),
    code: 'ERR_ACCESS_DENIED',
    message: /HTTP 403: \\u001b\[31mNo\\u000away/,
  },
  'answers 101, which nobody asked for, and waits': {
    behave: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n'),
    code: 'ERR_UNEXPECTED_STATUS',
    message: /HTTP 101 Switching Protocols$/,
  },
  'answers 201': {
    behave: answer('201 Created', JSON.stringify({ credentials })),
    code: 'ERR_UNEXPECTED_STATUS',
    message: /HTTP 201 Created$/,
  },
  'answers 204': {
    behave: (socket) => socket.write('HTTP/1.1 204 x\r\n\r\n'),
    code: 'ERR_UNEXPECTED_STATUS',
    message: /HTTP 204 No Content$/,
  },
  'answers 304': {
    behave: (socket) => socket.write('HTTP/1.1 304 x\r\n\r\n'),
    code: 'ERR_UNEXPECTED_STATUS',
    message: /HTTP 304 Not Modified$/,
  },
  'compresses its response': {
    behave: (socket) => {
      const body = gzipSync(JSON.stringify({ credentials }));
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip`;
      socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.end(body);
    },
    code: 'ERR_RESPONSE_INVALID',
    message: /not JSON \(application\/json, content-encoding gzip\)/,
  },
  'responds with an unknown status': {
    behave: answer('418 Teapot', '{}'),
    code: 'ERR_UNEXPECTED_STATUS',
  },
};

/** Enough for a child process to start on a busy machine, in milliseconds. */
const LIMIT_MS = 3000;

describe.each(Object.entries(WAYS))('with %s', (_name, way) => {
  const open = (options: Partial<FromIotCoreInit> = {}) =>
    createSession({
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      maxWaitMs: 0,
      thingName: 'the-thing',
      certificate: device.certificateFile,
      ca: server.caFile,
      ...way,
      ...options,
    } as FromIotCoreInit);

  it.each([
    [undefined, /^awsiot-credentialhelper\/\S+ nodejs\/\d\S+ \w+\/\w+$/],
    ['gateway/7 (a room)', /^gateway\/7 \(a room\)$/],
    ['', /^none$/],
  ])('says who asks, as %j', async (userAgent, sent) => {
    let seen: string | undefined;
    server.behave = (socket, request) => {
      seen = /^user-agent: (.*)\r$/im.exec(request)?.[1] ?? 'none';
      json({ credentials })(socket);
    };
    await open({ userAgent }).credentials();
    expect(seen).toMatch(sent);
  });

  it('credentials are returned', async () => {
    server.behave = json({ credentials });
    const { expiration, ...rest } = await open().credentials();
    expect(rest).toEqual({
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      sessionToken: credentials.sessionToken,
    });
    expect(expiration).toEqual(new Date(credentials.expiration));
  });

  it.each(Object.entries(FAULTS))('a server that %s', async (_name, { behave, code, message }) => {
    server.behave = behave;
    const error = await errorOf(() => open().credentials());
    expect(error.code, error.message).toBe(code);
    expect(error.message).toContain(server.endpoint);
    if (message !== undefined) expect(error.message).toMatch(message);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not occur
    expect(error.message).not.toMatch(/-of-the-answer|[\u0000-\u001f]/);
  });

  it('an expiration without a time zone is UTC', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    server.behave = json({ credentials: { ...credentials, expiration: inAnHour.slice(0, -1) } });
    expect((await open().credentials()).expiration).toEqual(new Date(inAnHour));
  });

  it('what failed is tried again within the patience of the caller', async () => {
    server.behave = (socket) => {
      server.behave = json({ credentials });
      socket.destroy();
    };
    const session = open({ maxWaitMs: 12_000 });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('a failure is reported again at once, without a request, until the retry', async () => {
    let requests = 0;
    server.behave = (socket) => {
      requests++;
      socket.end('HTTP/1.1 429 x\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n');
    };
    const session = open();
    for (let call = 0; call < 100; call++) {
      const error = await errorOf(() => session.credentials());
      expect(error).toMatchObject({ code: 'ERR_THROTTLED', retryAfterMs: 60_000 });
      expect(Number(error.retryAt)).toBeGreaterThan(Date.now() + 50_000);
    }
    expect(requests).toBe(1);
    server.behave = json({ credentials });
    expect((await session.refresh()).accessKeyId).toBe(credentials.accessKeyId);
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('a caller in a loop during the backoff does not block the event loop', async () => {
    server.behave = (socket) => {
      socket.end('HTTP/1.1 429 x\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n');
    };
    const session = open();
    await errorOf(() => session.credentials());
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 50);
    let calls = 0;
    for (; !isOver && calls < 100_000; calls++) await session.credentials().catch(() => {});
    expect(isOver, `${calls} calls`).toBe(true);
  });

  it('a server that never responds times out after timeoutMs', async () => {
    server.behave = () => {};
    const error = await errorOf(() => open({ timeoutMs: LIMIT_MS }).credentials());
    expect(error.code).toBe('ERR_TIMEOUT');
    expect(error.message).toContain(`${LIMIT_MS} ms`);
    expect(error.message).toContain('waiting for the response');
  });

  it('a server that stops in the middle of the body times out', async () => {
    server.behave = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{');
    const error = await errorOf(() => open({ timeoutMs: LIMIT_MS }).credentials());
    expect(error.code).toBe('ERR_TIMEOUT');
    expect(error.message).toContain('within the response');
  });

  it('a server that accepts and never starts TLS times out', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const error = await errorOf(() =>
      open({ endpoint: `127.0.0.1:${port}`, timeoutMs: LIMIT_MS }).credentials(),
    );
    silent.close();
    expect(error.code).toBe('ERR_TIMEOUT');
    expect(error.message).toContain('TLS handshake');
  });

  it('nothing listens', async () => {
    const error = await errorOf(() => open({ endpoint: '127.0.0.1:1' }).credentials());
    expect(error.code).toBe('ERR_CONNECTION_REFUSED');
  });

  it('the name does not resolve', async () => {
    const error = await errorOf(() => open({ endpoint: 'device.invalid' }).credentials());
    expect(error.code).toBe('ERR_DNS');
    expect(error.message).toContain('device.invalid');
  });

  it('a server with another name, or an untrusted certificate, is rejected', async () => {
    otherName.behave = json({ credentials });
    const options = { endpoint: otherName.endpoint, ca: otherName.caFile, timeoutMs: 10_000 };
    const wrongName = await errorOf(() => open(options).credentials());
    server.behave = json({ credentials });
    const untrusted = await errorOf(() =>
      open({ ca: otherName.caFile, timeoutMs: 10_000 }).credentials(),
    );
    expect(wrongName.code).toBe('ERR_SERVER_NAME_MISMATCH');
    expect(untrusted.code).toBe('ERR_SERVER_UNTRUSTED');
    expect(untrusted.hint).toContain('"ca"');
  });

  it('is accepted with verifyPeer false, with a warning', async () => {
    server.behave = json({ credentials });
    const warnings: string[] = [];
    const log = (message: string) => warnings.push(message);
    const logger = { debug() {}, info() {}, warn: log, error() {} };
    const session = open({ ca: otherName.caFile, verifyPeer: false, logger });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
    expect(warnings.join()).toContain('verifyPeer is false');
  });

  it('a server that supports only TLS 1.3', async () => {
    tls13.behave = json({ credentials });
    const session = open({ endpoint: tls13.endpoint, ca: tls13.caFile });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('a server that supports TLS 1.1 at most is rejected', async () => {
    const session = open({ endpoint: oldTls.endpoint, ca: oldTls.caFile, timeoutMs: 10_000 });
    const error = await errorOf(() => session.credentials());
    expect(error.code).toBe('ERR_TLS_VERSION');
  });

  it('a server without TLS', async () => {
    const plain = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    afterAll(() => plain.close());
    const { port } = plain.address() as { port: number };
    const error = await errorOf(() =>
      open({ endpoint: `localhost:${port}`, timeoutMs: 10_000 }).credentials(),
    );
    expect(error.code).toBe('ERR_TLS_HANDSHAKE');
  });
});
