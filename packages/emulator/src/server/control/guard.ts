import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { LOCAL_NAME, LOOPBACK } from '../../names/host-names.ts';

/** The headers of all responses to control requests, and of the console's files. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** How clients reach the server. */
export interface Reach {
  /** The names of this machine besides `localhost`, in lower case. */
  readonly names: readonly string[];
  /** Whether it listens on all interfaces. */
  readonly isOpen: boolean;
}

/**
 * Returns why a request is refused, if it is: `Host` must be this machine, so that no name of a web page leads here
 * (DNS rebinding), and `Origin`, which browsers send for other pages, must be the same.
 *
 * @param port - the port that the server listens on
 */
export function whyForeign(
  { host = '', origin }: IncomingHttpHeaders,
  port: number | undefined,
  { names, isOpen }: Reach,
): string | undefined {
  // Browsers leave out the default port.
  const [, name = '', given = '80'] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? [];
  const own = [LOCAL_NAME, LOOPBACK, ...names];
  if (isOpen) {
    // The port of a container is another one outside of it, and an address is no name of a web page.
    if (!own.includes(name) && isIP(name.replace(/^\[|\]$/g, '')) === 0) {
      return `the Host header must be ${own.join(', ')} or an IP address`;
    }
  } else if (!own.includes(name) || given !== String(port)) {
    return `the Host header must be ${own.map((known) => `${known}:${port}`).join(' or ')}`;
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return `the Origin header must be missing, or http://${host}`;
  }
  return undefined;
}

/** Returns whether a request has the bearer token. */
export function isAuthorized(
  { authorization = '' }: IncomingHttpHeaders,
  controlToken: string,
): boolean {
  const [a, b] = [Buffer.from(authorization), Buffer.from(`Bearer ${controlToken}`)];
  return a.length === b.length && timingSafeEqual(a, b);
}
