import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { type DetailedPeerCertificate, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { httpDate } from '../../exchange/http-date.ts';
import { sourceName } from '../../identity/read-source.ts';
import { excerpt } from '../../text.ts';
import { readCa } from '../../tls/file-context.ts';
import { nodeFailure } from '../../tls/node-failure.ts';
import { timedOut, type WireFailure } from '../../tls/wire-error.ts';
import { type Finding, failedWith, outcomeOf, skipped, worked } from './finding.ts';
import { failedOnWire, type NetworkResult, type Route } from './wire.ts';

/** How long to wait for the time of the server, in milliseconds. */
const DATE_MS = 2000;

/** Tests the server on a connection: TLS, its certificate, and its clock. */
export async function testServer(
  socket: Socket,
  route: Route,
): Promise<NetworkResult & { readonly finding: Finding }> {
  const { endpoint, ca, timeoutMs } = route;
  const trusted = outcomeOf(() => (ca === undefined ? undefined : readCa(ca)));
  if ('error' in trusted) {
    socket.destroy();
    return { finding: failedWith('server', trusted.error), works: false, skewMs: undefined };
  }
  const shaken = await shakeHands(socket, route, trusted.value);
  if ('code' in shaken) {
    socket.destroy();
    // Some servers end a handshake without a client certificate: the request will show more.
    const isUnknown = AT_CLIENT.has(shaken.code) && /ALERT|closed/.test(shaken.what);
    const finding = isUnknown
      ? skipped('server', `seen with the certificate only: without one, ${shaken.what}`)
      : failedOnWire('server', shaken, endpoint);
    return { finding, works: isUnknown, skewMs: undefined };
  }
  const { secured } = shaken;
  const chain = chainOf(secured);
  const finding = judge(secured, chain, route);
  const skewMs = await askTime(secured, endpoint.authority, Math.min(timeoutMs, DATE_MS));
  secured.destroy();
  const works = finding.status !== 'failed';
  return { finding: works ? finding : blameClock(finding, chain, skewMs), works, skewMs };
}

/** The finding for a certificate that is not valid by this device's clock, but by that of the server. */
function blameClock(
  finding: Finding,
  [own]: readonly DetailedPeerCertificate[],
  skewMs: number | undefined,
): Finding {
  if (finding.code !== 'ERR_SERVER_CERTIFICATE_DATE' || !own || !skewMs) return finding;
  const serverMs = Date.now() - skewMs;
  const isValid = Date.parse(own.valid_from) <= serverMs && serverMs < Date.parse(own.valid_to);
  const { remedy: _, ...rest } = finding;
  return isValid
    ? { ...rest, status: 'warn', seen: `${finding.seen}; by the server's clock it is valid` }
    : finding;
}

const AT_CLIENT: ReadonlySet<string> = new Set([
  'ERR_TLS_HANDSHAKE',
  'ERR_CLIENT_CERTIFICATE_REFUSED',
  'ERR_CONNECTION_RESET',
]);

function shakeHands(
  socket: Socket,
  { endpoint: { host, port }, timeoutMs }: Route,
  ca: string | undefined,
): Promise<{ readonly secured: TLSSocket } | WireFailure> {
  return new Promise((resolve) => {
    const secured = tlsConnect({
      socket,
      ca,
      minVersion: 'TLSv1.2',
      servername: isIP(host) === 0 ? host : '',
      host,
      // Judged afterwards, so that the finding shows the certificate.
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => resolve(timedOut(timeoutMs, 'in the TLS handshake')), timeoutMs);
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      resolve({ secured });
    });
    secured.on('error', (error) => {
      clearTimeout(timer);
      resolve(nodeFailure(error, { host, port }, false));
    });
  });
}

function judge(
  secured: TLSSocket,
  chain: readonly DetailedPeerCertificate[],
  route: Route,
): Finding {
  const { endpoint, verifyPeer } = route;
  const [own] = chain;
  const details = [...chain.map(describe), `trusted CA certificates: ${describeStore(route)}`];
  const { authorizationError: problem } = secured;
  if (problem !== null && problem !== undefined && verifyPeer) {
    // Node.js stores the code, unlike what its types say.
    const code = `${problem instanceof Error ? (problem as NodeJS.ErrnoException).code : problem}`;
    const request = { ...endpoint, path: '/', headers: {} };
    const failure = nodeFailure(Object.assign(new Error(code), { code }), request, false);
    const names = own?.subjectaltname;
    const more = failure.code === 'ERR_SERVER_NAME_MISMATCH' && names ? `, but for ${names}` : '';
    const seen = excerpt(`${failure.what}${more}`, 400);
    return { ...failedOnWire('server', failure, endpoint), seen, details };
  }
  const seen = `${secured.getProtocol()?.replace('v', ' ')}, certificate ${nameOf(own?.subject)} issued by ${nameOf(own?.issuer)}`;
  if (!verifyPeer) {
    const what = 'remove "verifyPeer": any server can return credentials of its own';
    return {
      step: 'server',
      status: 'warn',
      seen: `${seen}, not verified`,
      details,
      remedy: { what },
    };
  }
  if (/\.amazonaws\.com(?:\.cn)?$/.test(endpoint.host) && !isOfAmazon(own)) {
    const what =
      'a proxy or firewall may intercept TLS: then the device certificate does not reach AWS; exempt this name from it';
    return {
      step: 'server',
      status: 'warn',
      seen: `${seen}, not by Amazon`,
      details,
      remedy: { what },
    };
  }
  return worked('server', seen, details);
}

function isOfAmazon(certificate: DetailedPeerCertificate | undefined): boolean {
  return /Amazon|Starfield|DigiCert/.test(`${certificate?.issuer?.O ?? ''}`);
}

/** The certificates that the server sent, its own first. */
function chainOf(secured: TLSSocket): readonly DetailedPeerCertificate[] {
  const chain = new Map<string, DetailedPeerCertificate>();
  let next: DetailedPeerCertificate | undefined = secured.getPeerCertificate(true);
  while (next?.fingerprint256 !== undefined && !chain.has(next.fingerprint256)) {
    chain.set(next.fingerprint256, next);
    next = next.issuerCertificate;
  }
  return [...chain.values()];
}

function describe({ subject, issuer, valid_to }: DetailedPeerCertificate): string {
  const until = new Date(valid_to).toISOString();
  return excerpt(`${nameOf(subject)} issued by ${nameOf(issuer)}, valid until ${until}`, 400);
}

function nameOf(name: { readonly CN?: unknown; readonly O?: unknown } | undefined): string {
  return excerpt(`"${name?.CN ?? name?.O ?? ''}"`);
}

function describeStore({ ca, verifyPeer }: Route): string {
  if (!verifyPeer) return 'none, as verifyPeer is false';
  if (ca !== undefined) return sourceName(ca, 'ca');
  const { NODE_OPTIONS = '', NODE_EXTRA_CA_CERTS, NODE_USE_SYSTEM_CA } = process.env;
  const flags = [...process.execArgv, ...NODE_OPTIONS.split(' ')];
  const own = flags.includes('--use-openssl-ca') ? 'those of OpenSSL' : 'those of Node.js';
  const system = flags.includes('--use-system-ca') || NODE_USE_SYSTEM_CA === '1';
  return [
    own,
    ...(system ? ['those of the system'] : []),
    ...(NODE_EXTRA_CA_CERTS ? [`file "${NODE_EXTRA_CA_CERTS}" (NODE_EXTRA_CA_CERTS)`] : []),
  ].join(', ');
}

/** How far this device's clock is ahead of the server's, in milliseconds; undefined if it does not say its time. */
function askTime(
  secured: TLSSocket,
  authority: string,
  timeoutMs: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    let head = '';
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const end = () => {
      clearTimeout(timer);
      const [, date] = /^date: *(.*?)\r?$/im.exec(head) ?? [];
      const serverMs = httpDate(date);
      resolve(serverMs === undefined ? undefined : Date.now() - serverMs);
    };
    secured.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (head.includes('\r\n\r\n') || head.length > MAX_HEAD) end();
    });
    secured.on('error', end);
    secured.on('close', end);
    secured.write(`HEAD / HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`);
  });
}

/** The longest head of a response that is read, in characters. */
const MAX_HEAD = 16_384;
