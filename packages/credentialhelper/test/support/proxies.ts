import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll } from 'vitest';
import { makeSelfSigned, openssl } from './openssl.ts';
import { freePort, untilListening } from './ports.ts';

const ends: (() => unknown)[] = [];

// Registered here: within a test it would be too late.
afterAll(async () => {
  for (const end of ends) await end();
});

/** A user of a proxy. */
export interface ProxyUser {
  readonly name: string;
  readonly password: string;
}

/** A running proxy. */
export interface TestProxy {
  /** Its host and port. */
  readonly authority: string;
  /** The requests that its log has, one a line. */
  log(): string;
}

/**
 * Starts tinyproxy from Debian.
 *
 * @param lines - further lines of its configuration
 */
export async function startTinyproxy(
  folder: string,
  {
    user,
    host = '127.0.0.1',
    lines = [],
  }: {
    readonly user?: ProxyUser;
    readonly host?: string;
    readonly lines?: readonly string[];
  } = {},
): Promise<TestProxy> {
  const port = await freePort(host);
  const file = join(folder, `tinyproxy-${port}`);
  const configuration = [
    ...[
      `Listen ${host}`,
      `Port ${port}`,
      `LogFile "${file}.log"`,
      'LogLevel Connect',
      'Timeout 60',
    ],
    ...(user === undefined ? [] : [`BasicAuth ${user.name} ${user.password}`]),
    ...lines,
  ];
  writeFileSync(`${file}.conf`, `${configuration.join('\n')}\n`);
  run('tinyproxy', ['-d', '-c', `${file}.conf`]);
  await untilListening(port, host);
  return {
    authority: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    log: () => readFileSync(`${file}.log`, 'utf8'),
  };
}

/** Starts squid from Debian: without TLS, and as an HTTPS proxy with a self-signed certificate for localhost. */
export async function startSquid(
  folder: string,
  user: ProxyUser,
): Promise<{ readonly http: TestProxy; readonly https: TestProxy; readonly caFile: string }> {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const own = join(folder, 'squid');
  mkdirSync(own);
  const subject = ['-addext', 'subjectAltName=DNS:localhost'];
  const { keyFile, certificateFile } = makeSelfSigned(own, 'squid', 'RSA 2048', subject);
  const hash = openssl('passwd', '-apr1', user.password).toString().trim();
  writeFileSync(join(own, 'users'), `${user.name}:${hash}\n`);
  // As root it runs as the user "proxy".
  chmodSync(folder, 0o711);
  chmodSync(own, 0o777);
  chmodSync(keyFile, 0o644);
  const log = join(own, 'access.log');
  const configuration = [
    `http_port 127.0.0.1:${httpPort}`,
    `https_port 127.0.0.1:${httpsPort} tls-cert=${certificateFile} tls-key=${keyFile}`,
    `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${join(own, 'users')}`,
    'acl known proxy_auth REQUIRED',
    'http_access allow known',
    'http_access deny all',
    'pid_filename none',
    'cache deny all',
    'pinger_enable off',
    `access_log stdio:${log} squid`,
    `cache_log ${join(own, 'cache.log')}`,
    `coredump_dir ${own}`,
    'shutdown_lifetime 0 seconds',
  ];
  writeFileSync(join(own, 'squid.conf'), `${configuration.join('\n')}\n`);
  run('/usr/sbin/squid', ['-N', '-f', join(own, 'squid.conf')]);
  await untilListening(httpPort);
  await untilListening(httpsPort);
  const readLog = () => readFileSync(log, 'utf8');
  return {
    http: { authority: `localhost:${httpPort}`, log: readLog },
    https: { authority: `localhost:${httpsPort}`, log: readLog },
    caFile: certificateFile,
  };
}

function run(program: string, args: readonly string[]): void {
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' });
  ends.push(() => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    // Squid waits for its connections otherwise.
    child.kill('SIGKILL');
    return ended;
  });
}

/** Starts a TCP server that does with each connection what a function says; returns `127.0.0.1:port`. */
export async function startTcpServer(
  behave: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Connects a socket with a server. */
export function pipeTo(authority: string): (socket: Socket) => void {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(authority) ?? [];
  return (socket) => {
    const other = connect(Number(port), host.replace(/^\[|\]$/g, '')).on('error', () => {});
    socket.pipe(other).pipe(socket);
    other.on('close', () => socket.destroy());
    socket.on('close', () => other.destroy());
  };
}

/**
 * Starts a TLS server for localhost before a proxy that asks for a client certificate.
 *
 * @param onClient - called with each connection
 */
export async function startTlsFront(
  folder: string,
  authority: string,
  onClient: (socket: TLSSocket) => void,
): Promise<{ readonly authority: string; readonly caFile: string }> {
  const subject = ['-addext', 'subjectAltName=DNS:localhost'];
  const { keyFile, certificateFile } = makeSelfSigned(folder, 'front', 'EC P-256', subject);
  const server = createTlsServer(
    {
      key: readFileSync(keyFile),
      cert: readFileSync(certificateFile),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      socket.on('error', () => {});
      onClient(socket);
      pipeTo(authority)(socket);
    },
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { authority: `localhost:${port}`, caFile: certificateFile };
}
