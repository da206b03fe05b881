import type { IncomingMessage } from 'node:http';
import type { HttpProxy } from '../options/proxy.ts';
import { excerpt } from '../text.ts';
import { nodeFailure } from './node-failure.ts';
import type { WireFailure } from './wire-error.ts';

/** Returns the cause of an error of the connection to a proxy. */
export function proxyFailure(error: unknown, proxy: HttpProxy): WireFailure {
  const { code, what, hint } = nodeFailure(error, proxy, false);
  // Of this device, and not of the proxy.
  if (code === 'ERR_OUT_OF_RESOURCES') return { code, what, hint };
  return {
    code: 'ERR_PROXY',
    what: `the proxy ${proxy.name} cannot be used: ${what.replace("the server's", 'its')}`,
    // A wrong clock is not a matter of the proxy.
    hint: code === 'ERR_SERVER_CERTIFICATE_DATE' ? hint : (HINTS[code]?.(proxy) ?? checkUrl(proxy)),
  };
}

const checkUrl = ({ origin }: HttpProxy) =>
  `check the URL of the proxy, set by ${origin === 'proxy' ? 'the option "proxy"' : origin}, and the network of this device`;

const HINTS: Partial<Record<WireFailure['code'], (proxy: HttpProxy) => string>> = {
  ERR_SERVER_UNTRUSTED: () =>
    'add the CA of the proxy to the default ones: NODE_EXTRA_CA_CERTS; "ca" is for the endpoint alone',
  ERR_TLS_HANDSHAKE: () => 'a proxy without TLS has a URL that begins with http://',
  ERR_RESPONSE_INVALID: () => 'is it an HTTP proxy? That of one with TLS begins with https://',
};

/** Returns the cause of a response to CONNECT that is not successful. */
export function proxyRefusal(
  { statusCode = 0, headers }: IncomingMessage,
  proxy: HttpProxy,
  endpoint: string,
): WireFailure {
  const refused = (what: string, hint: string): WireFailure => ({
    code: 'ERR_PROXY_REFUSED',
    what: `the proxy ${proxy.name} ${what} (HTTP ${statusCode})`,
    hint,
  });
  const failed = (what: string, hint: string) =>
    ({ ...refused(what, hint), code: 'ERR_PROXY' }) as const;
  // tinyproxy answers 401 to a wrong password.
  if (statusCode === 407 || (statusCode === 401 && proxy.authorization !== undefined)) {
    const offered = schemesOf(headers['proxy-authenticate']);
    if (offered.length > 0 && !offered.includes('basic')) {
      return refused(
        `requires authentication of another kind than Basic: ${offered.join(', ')}`,
        'have the proxy accept Basic, or the endpoint without authentication',
      );
    }
    const form = 'http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded';
    return proxy.authorization === undefined
      ? refused('requires a user name and a password', `put them in its URL: ${form}`)
      : refused('rejected the user name or the password', `check them in its URL: ${form}`);
  }
  if (statusCode === 502 || statusCode === 503 || statusCode === 504) {
    return failed(
      `could not connect to ${endpoint}`,
      'check the name of the endpoint, and the network of the proxy',
    );
  }
  if ((statusCode >= 300 && statusCode < 400) || statusCode === 511) {
    return failed(
      'answered with a page instead of a connection',
      'is it a captive portal that wants a login first?',
    );
  }
  if (statusCode === 429 || statusCode >= 500) {
    return failed(`did not connect to ${endpoint}`, 'see the log of the proxy');
  }
  return refused(
    `refused to connect to ${endpoint}`,
    'have the proxy allow CONNECT to this name and port; is it an HTTP proxy?',
  );
}

/** The authentication schemes of a `Proxy-Authenticate` field, in lower case: Node.js joins several with commas. */
function schemesOf(field: string | string[] | undefined): readonly string[] {
  const challenges = [field ?? ''].flat().join(', ');
  return Array.from(
    challenges.matchAll(/(?:^|,\s*)([A-Za-z][\w-]*)(?=\s|,|$)(?!\s*=)/g),
    ([, scheme = '']) => excerpt(scheme.toLowerCase(), 20),
  );
}
