import { X509Certificate } from 'node:crypto';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { createSession, type FromIotCoreInit } from 'awsiot-credentialhelper';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { run } from '../support/cli.ts';
import { errorOf } from '../support/errors.ts';
import { fakeTime } from '../support/fake-time.ts';
import { keepLog } from '../support/log-lines.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { freePort } from '../support/ports.ts';
import { leavesNothingBehind } from '../support/programs.ts';
import {
  pipeTo,
  startSquid,
  startTcpServer,
  startTinyproxy,
  startTlsFront,
} from '../support/proxies.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { plantSecret } from '../support/secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const { fingerprint256 } = new X509Certificate(readFileSync(device.certificateFile));
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
const [inFile] = Object.values(WAYS);

const server = await startRawServer(folder);
/** The certificates of the clients, and how many there were. */
let clients: (string | undefined)[] = [];
server.behave = (socket) => {
  clients.push(socket.getPeerCertificate().fingerprint256);
  json({ credentials })(socket);
};

// Characters that a URL cannot have as they are.
const user = { name: 'device', password: plantSecret('p:a/s%20s@w') };
plantSecret(`${user.name}:${user.password}`);
// tinyproxy's configuration has no escapes.
const plain = { name: 'device', password: plantSecret('the-proxy-password') };
plantSecret(`${plain.name}:${plain.password}`);
const login = ({ name, password }: typeof user) => `${name}:${encodeURIComponent(password)}`;
const squid = await startSquid(folder, user);
const tinyproxy = await startTinyproxy(folder, { user: plain });
const open = await startTinyproxy(folder);

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  clients = [];
});

const session = (more: object) =>
  createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    maxWaitMs: 0,
    ...more,
  } as FromIotCoreInit);

/** The number of connections that a proxy opened to an endpoint. */
const connections = (proxy: typeof open, endpoint = server.endpoint) =>
  proxy.log().split(`CONNECT ${endpoint} `).length - 1;

describe.each(Object.entries(WAYS))('%s', (_way, key) => {
  it('is used through a proxy with a user name and a password', async () => {
    const before = connections(tinyproxy);
    const proxy = `http://${login(plain)}@${tinyproxy.authority}`;
    expect(await session({ ...key, proxy }).credentials()).toMatchObject({
      accessKeyId: credentials.accessKeyId,
    });
    expect(connections(tinyproxy)).toBe(before + 1);
    expect(clients).toEqual([fingerprint256]);
  });

  it('is used through squid, with a password that needs encoding', async () => {
    const proxy = `http://${login(user)}@${squid.http.authority}/`;
    await session({ ...key, proxy }).credentials();
    expect(clients).toEqual([fingerprint256]);
    // It logs a connection when that ends.
    await vi.waitFor(() =>
      expect(squid.http.log()).toContain(`CONNECT ${server.endpoint} device `),
    );
  });

  it('is used through the proxy of the environment, and not if an option or NO_PROXY says so', async () => {
    const before = connections(open);
    vi.stubEnv('HTTPS_PROXY', open.authority);
    await session(key).credentials();
    expect(connections(open)).toBe(before + 1);

    vi.stubEnv('https_proxy', `http://127.0.0.1:${await freePort()}`);
    expect((await errorOf(() => session(key).credentials())).code).toBe('ERR_PROXY');
    // The child process sees the variable too.
    for (const proxy of [false, '']) await session({ ...key, proxy }).credentials();
    vi.stubEnv('NO_PROXY', 'example.com, localhost');
    await session(key).credentials();
    expect(connections(open)).toBe(before + 1);
    // An option is for this endpoint, whatever the environment excludes.
    await session({ ...key, proxy: open.authority }).credentials();
    expect(connections(open)).toBe(before + 2);
    expect(clients).toEqual(Array.from({ length: 5 }, () => fingerprint256));
  });

  it('is not used with a server of another name, or that is not trusted', async () => {
    const other = await startRawServer(folder, {}, ['-addext', 'subjectAltName=DNS:other.example']);
    const proxy = open.authority;
    const fetch = (more: object) => session({ ...key, proxy, ...more }).credentials();
    const { endpoint, caFile: ca } = other;
    expect((await errorOf(() => fetch({ endpoint, ca }))).code).toBe('ERR_SERVER_NAME_MISMATCH');
    expect(await errorOf(() => fetch({ ca }))).toMatchObject({
      code: 'ERR_SERVER_UNTRUSTED',
      hint: expect.stringMatching(/proxy that inspects TLS must exclude the endpoint/),
    });
  });

  it('reports a rejected password without it', async () => {
    const wrong = plantSecret('another-password');
    const { lines, logger } = keepLog();
    const proxy = `http://device:${wrong}@${tinyproxy.authority}`;
    const error = await errorOf(() => session({ ...key, proxy, logger }).credentials());
    expect(error).toMatchObject({
      code: 'ERR_PROXY_REFUSED',
      retryable: false,
      // tinyproxy's status for this is that of a web server.
      message: `no response from the credential provider at ${server.endpoint}: the proxy http://${tinyproxy.authority} rejected the user name or the password (HTTP 401)`,
    });
    const all = `${lines.join('\n')} ${error.stack} ${error.hint}`;
    expect(all).not.toContain(wrong);
    expect(all).not.toContain(Buffer.from(`device:${wrong}`).toString('base64'));
  });

  it('reports a password that squid rejects', async () => {
    const proxy = `http://device:wrong@${squid.http.authority}`;
    const error = await errorOf(() => session({ ...key, proxy }).credentials());
    expect(error.code).toBe('ERR_PROXY_REFUSED');
    expect(error.message).toMatch(/rejected the user name or the password \(HTTP 407\)$/);
  });

  it('is followed in the log', async () => {
    const { lines, logger } = keepLog();
    const proxy = `http://${login(plain)}@${tinyproxy.authority.replace('127.0.0.1', 'localhost')}`;
    await session({ ...key, proxy, logger }).credentials();
    const log = lines.join('\n');
    expect(log).toMatch(/; proxy: http:\/\/localhost:\d+, with a password \(option\);/);
    expect(log).toMatch(
      /localhost:\d+: proxy lookup \d+ ms \(.*127\.0\.0\.1.*\), proxy connect \d+ ms \(.*127\.0\.0\.1\), proxy CONNECT \d+ ms \(HTTP 200\), TLS handshake \d+ ms \(TLSv1\.3, server certificate .*\), response \d+ ms \(HTTP 200/,
    );
    expect(log).not.toContain(plain.password);
  });
});

describe('an HTTPS proxy', () => {
  const flags = (more: readonly string[]) => [
    'credential-process',
    '--no-cache',
    ...['--endpoint', server.endpoint, '--role-alias', 'the-alias', '--ca', server.caFile],
    ...['--certificate', device.certificateFile, '--region', 'eu-west-1', '--max-wait-ms', '0'],
    ...more,
  ];
  const ofFile = ['--private-key', device.keyFile];
  const ofToken = [
    ...['--module', SOFTHSM_LIBRARY, '--token-label', 'device-token', '--label', 'device-key'],
  ];

  it.each([
    ['a key from a file', ofFile],
    ['a key in a token', ofToken],
  ])('is used with %s', async (_way, key) => {
    const { status, stdout, stderr } = await run(flags(key), {
      env: {
        AWS_IOT_PROXY: `https://${login(user)}@${squid.https.authority}`,
        AWS_IOT_PKCS11_PIN: PIN,
        NODE_EXTRA_CA_CERTS: squid.caFile,
      },
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ AccessKeyId: credentials.accessKeyId });
    expect(clients).toEqual([fingerprint256]);
  });

  it('is verified by the default CA certificates, and never by those of the endpoint', async () => {
    const { status, stderr } = await run(
      flags([...ofFile, '--proxy', `https://${squid.https.authority}`, '--ca', squid.caFile]),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /cannot be used: its certificate does not chain to a trusted CA.*NODE_EXTRA_CA_CERTS/s,
    );
  });

  // Since Node.js 22.19 and 24.5.
  const defaultCa = tls as typeof tls & {
    getCACertificates?(): readonly string[];
    setDefaultCACertificates?(certificates: readonly string[]): void;
  };
  it.runIf(defaultCa.setDefaultCACertificates)(
    'is verified by changed default CA certificates, in a child process too',
    async () => {
      const before = defaultCa.getCACertificates?.() ?? [];
      const proxy = `https://${login(user)}@${squid.https.authority}`;
      try {
        defaultCa.setDefaultCACertificates?.([readFileSync(squid.caFile, 'utf8')]);
        for (const key of Object.values(WAYS)) await session({ ...key, proxy }).credentials();
      } finally {
        defaultCa.setDefaultCACertificates?.(before);
      }
      expect(clients).toHaveLength(3);
    },
  );

  it('is not blamed for a wrong clock', async () => {
    const front = await startTlsFront(folder, open.authority, () => {});
    const { status, stderr } = await run(
      flags([...ofFile, '--proxy', `https://${front.authority}`]),
      { env: { NODE_EXTRA_CA_CERTS: front.caFile, ...fakeTime('+99y') } },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/cannot be used: its certificate has expired.*hint: check .* clock:/s);
  });

  it('does not get the client certificate', async () => {
    const seen: object[] = [];
    const front = await startTlsFront(folder, open.authority, (socket) =>
      seen.push(socket.getPeerCertificate()),
    );
    const { status, stderr } = await run(
      flags([...ofFile, '--proxy', `https://${front.authority}`]),
      { env: { NODE_EXTRA_CA_CERTS: front.caFile } },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(seen).toEqual([{}]);
    expect(clients).toEqual([fingerprint256]);
  });

  it('is used once if Node.js uses the proxy of the environment itself', async () => {
    const before = connections(open);
    const env = { HTTPS_PROXY: `http://${open.authority}`, NODE_USE_ENV_PROXY: '1' };
    const { status } = await run(flags(ofFile), { env });
    expect(status).toBe(0);
    expect(connections(open)).toBe(before + 1);
    expect(open.log()).not.toContain(`CONNECT ${open.authority}`);
  });

  it('is not passed with a password in arguments, which other users can see', async () => {
    const proxy = `http://${login(plain)}@${tinyproxy.authority}`;
    const { status, stderr } = await run(flags([...ofFile, '--proxy', proxy]));
    expect(status).toBe(2);
    expect(stderr).toMatch(/--proxy has a user name or password.*AWS_IOT_PROXY/s);
  });

  it('is listed by "config show" without its password', async () => {
    const env = { AWS_IOT_PROXY: `http://${login(plain)}@${tinyproxy.authority}` };
    const { stdout } = await run(['config', 'show'], { env });
    expect(stdout).toContain(`http://device:(a secret)@${tinyproxy.authority}`);
  });
});

describe('a proxy that cannot be used', () => {
  const answer = (text: string) =>
    startTcpServer((socket) => {
      socket.once('data', () => socket.end(text));
    });
  const CASES: Record<
    string,
    { readonly proxy: () => Promise<string>; readonly code?: string; readonly message: RegExp }
  > = {
    'is not there': {
      proxy: async () => `127.0.0.1:${await freePort()}`,
      message: /the proxy http:\/\/127\.0\.0\.1:\d+ cannot be used: nothing listens on port \d+$/,
    },
    'has a name that does not resolve': {
      proxy: async () => 'proxy.invalid:3128',
      message: /cannot be used: the name proxy\.invalid cannot be resolved \(E/,
    },
    'requires a password': {
      proxy: async () => tinyproxy.authority,
      code: 'ERR_PROXY_REFUSED',
      message: /requires a user name and a password \(HTTP 407\)$/,
    },
    'offers no Basic authentication': {
      proxy: () =>
        answer(
          'HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n',
        ),
      code: 'ERR_PROXY_REFUSED',
      message: /another kind than Basic: negotiate, ntlm \(HTTP 407\)$/,
    },
    'does not allow the endpoint': {
      proxy: async () => (await startTinyproxy(folder, { lines: ['ConnectPort 443'] })).authority,
      code: 'ERR_PROXY_REFUSED',
      message: /refused to connect to localhost:\d+ \(HTTP 403\)$/,
    },
    'is a web server': {
      proxy: () => answer('HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n'),
      code: 'ERR_PROXY_REFUSED',
      message: /refused to connect .* \(HTTP 405\)$/,
    },
    'answers with something else': {
      proxy: () => answer('220 mail.example ESMTP\r\n'),
      message: /cannot be used: the response is not HTTP/,
    },
    'closes the connection': {
      proxy: () => startTcpServer((socket) => socket.end()),
      message: /cannot be used: the connection was closed before a response/,
    },
    'is a captive portal': {
      proxy: () => answer('HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\n\r\n'),
      message: /a page instead of a connection \(HTTP 302\)$/,
    },
    'does not speak TLS': {
      proxy: async () => `https://${squid.http.authority}`,
      message: /cannot be used: the response is not TLS \(ERR_SSL_WRONG_VERSION_NUMBER\)$/,
    },
    'sends headers without end': {
      proxy: () =>
        startTcpServer((socket) => {
          socket.write('HTTP/1.1 200 OK\r\n');
          const timer = setInterval(() => socket.write(`x: ${'y'.repeat(9000)}\r\n`), 5);
          socket.on('close', () => clearInterval(timer));
        }),
      message: /cannot be used: the response is not HTTP \(HPE_HEADER_OVERFLOW\)$/,
    },
  };

  it.each(Object.entries(CASES))('because it %s', async (_case, { proxy, code, message }) => {
    const used = await proxy();
    const error = await errorOf(() => session({ ...inFile, proxy: used }).credentials());
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code ?? 'ERR_PROXY');
    expect(error.retryable).toBe(code === undefined);
    expect(error.hint).not.toMatch(/credential provider listens/);
  });

  it.each([
    ['tinyproxy', async () => open.authority],
    ['squid', async () => `${login(user)}@${squid.http.authority}`],
  ])('because %s cannot connect to the endpoint', async (_name, proxy) => {
    const endpoint = `127.0.0.1:${await freePort()}`;
    const error = await errorOf(async () =>
      session({ ...inFile, endpoint, proxy: await proxy() }).credentials(),
    );
    expect(error.code).toBe('ERR_PROXY');
    expect(error.message).toMatch(/(could|did) not connect to 127\.0\.0\.1:\d+ \(HTTP 50\d\)$/);
  });

  it.each(['a key from a file', 'a key in a token'])('because it hangs, with %s', async (way) => {
    const silent = await startTcpServer(() => {});
    const hanging = session({ ...WAYS[way], proxy: silent, timeoutMs: 1500 });
    expect(await errorOf(() => hanging.credentials())).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/waiting for the proxy http:\/\/127\S+ to connect/),
    });
    const withTls = session({ ...WAYS[way], proxy: `https://${silent}`, timeoutMs: 1500 });
    expect(await errorOf(() => withTls.credentials())).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/while connecting to the proxy https:\/\/127/),
    });
  });

  it('because it closes the tunnel in the TLS handshake', async () => {
    const proxy = await answer('HTTP/1.1 200 Connection established\r\n\r\n');
    const error = await errorOf(() => session({ ...inFile, proxy }).credentials());
    expect(error.code).toBe('ERR_CONNECTION_RESET');
  });

  it('only for a time', async () => {
    let count = 0;
    const pipe = pipeTo(open.authority);
    const proxy = await startTcpServer((socket) => {
      if (count++ === 0) socket.destroy();
      else pipe(socket);
    });
    const retrying = session({ ...inFile, proxy, maxWaitMs: 10_000 });
    await retrying.credentials();
    expect(retrying.stats.failures).toEqual({ ERR_PROXY: 1 });
  });
});

describe('addresses', () => {
  it('may be IPv6 for proxy and endpoint', async () => {
    const proxy = await startTinyproxy(folder, { host: '::1' });
    expect(proxy.authority).toMatch(/^\[::1\]:/);
    await session({ ...inFile, proxy: `http://${proxy.authority}` }).credentials();

    const subject = ['-addext', 'subjectAltName=IP:::1'];
    const behind = await startRawServer(folder, {}, subject);
    behind.behave = json({ credentials });
    const endpoint = await startTcpServer(pipeTo(behind.endpoint), '::1');
    const { caFile: ca } = behind;
    for (const used of [`http://${proxy.authority}`, `http://${open.authority}`, false]) {
      await session({ ...inFile, endpoint, ca, proxy: used }).credentials();
    }
    expect(connections(proxy, endpoint)).toBe(1);
    expect(connections(open, endpoint)).toBe(1);
  });

  it('of a proxy may be several, of which one does not answer', async () => {
    vi.spyOn(dns, 'lookup').mockImplementation(((
      _host: string,
      _options: object,
      callback: (...args: unknown[]) => void,
    ) => {
      const addresses = [
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ];
      process.nextTick(() => callback(null, addresses));
    }) as typeof dns.lookup);
    const proxy = open.authority.replace('127.0.0.1', 'proxy.example');
    await session({ ...inFile, proxy }).credentials();
    expect(dns.lookup).toHaveBeenCalledTimes(1);
  });
});

it.runIf(process.env.LONG_TESTS)(
  'leaks nothing after 1000 exchanges',
  async () => {
    const common = {
      ...{ endpoint: server.endpoint, region: 'eu-west-1', roleAlias: 'the-alias', maxWaitMs: 0 },
      ...{ certificate: device.certificateFile, ca: server.caFile, privateKey: device.keyFile },
    };
    const sessions = [{ ...common, proxy: open.authority }];
    await leavesNothingBehind('exchange-loop.mjs', [JSON.stringify(sessions)], {
      warmUp: 200,
      count: 1000,
    });
  },
  180_000,
);
