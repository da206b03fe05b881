import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

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

/**
 * Returns why a request is refused, if it is: `Host` must be this machine, so that no name of a web page leads here
 * (DNS rebinding), and `Origin`, which browsers send for other pages, must be the same.
 *
 * @param port - the port that the server listens on
 */
export function whyForeign(
  { host = '', origin }: IncomingHttpHeaders,
  port: number | undefined,
): string | undefined {
  // Browsers leave out the default port.
  const address = host.includes(':') ? host : `${host}:80`;
  if (address !== `127.0.0.1:${port}` && address !== `localhost:${port}`) {
    return `the Host header must be localhost:${port} or 127.0.0.1:${port}`;
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
