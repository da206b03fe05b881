import { CredentialHelperError } from '../errors.ts';
import { Secret } from '../identity/secret.ts';
import { invalidOption, kindOf } from './assert.ts';
import type { Endpoint } from './endpoint.ts';
import { environmentVariable } from './environment.ts';
import { isWithoutProxy } from './no-proxy.ts';

/** A proxy that requests are sent through, with HTTP CONNECT. */
export interface HttpProxy {
  /** Whether the connection to the proxy itself is TLS. */
  readonly isSecure: boolean;
  /** Host name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The header field `Proxy-Authorization`. */
  readonly authorization: Secret | undefined;
  /** Its URL without user name and password. */
  readonly name: string;
  /** What sets it: the option, or an environment variable. */
  readonly origin: string;
}

/** As curl does, the one in lower case first. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY'];

/**
 * Reads the option `proxy`; if it is undefined, the environment variables `HTTPS_PROXY` and `NO_PROXY`, also in lower
 * case.
 *
 * @returns undefined for a direct connection
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function checkProxy(value: unknown, endpoint: Endpoint): HttpProxy | undefined {
  if (value === false || value === '') return undefined;
  if (value !== undefined) {
    if (typeof value === 'string') return parseProxy(value, 'proxy');
    throw invalidOption('proxy', `must be a URL, or false, got ${kindOf(value)}`);
  }
  const variable = VARIABLES.find((name) => environmentVariable(name) !== '');
  if (variable === undefined) return undefined;
  const exceptions = environmentVariable('no_proxy') || environmentVariable('NO_PROXY');
  if (isWithoutProxy(exceptions, endpoint)) return undefined;
  return parseProxy(environmentVariable(variable), variable);
}

function parseProxy(text: string, origin: string): HttpProxy {
  const url = urlOf(text);
  if (url === undefined) throw invalid(origin, 'is not the URL of a proxy', text);
  const { protocol, hostname, username, password } = url;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw invalid(origin, 'must begin with http:// or https://', text);
  }
  if (hasPath(url)) throw invalid(origin, 'must have neither path nor query', text);
  const isSecure = protocol === 'https:';
  const hasCredentials = username !== '' || password !== '';
  const authorization = hasCredentials ? basic(url) : undefined;
  if (hasCredentials && authorization === undefined) {
    throw invalid(origin, 'has a % in its user name or password that encodes nothing', text);
  }
  return {
    isSecure,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isSecure ? 443 : 80),
    authorization,
    name: `${protocol}//${url.host}`,
    origin,
  };
}

/** Parses a URL of a proxy; without a scheme it is `http:`. */
function urlOf(text: string): URL | undefined {
  const trimmed = text.trim();
  try {
    return new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  } catch {
    // Its error quotes the text, which may have a password.
    return undefined;
  }
}

/** Also if a password has a `/`, `?` or `#` that is not encoded. */
function hasPath({ pathname, search, hash }: URL): boolean {
  return !/^\/?$/.test(pathname) || search !== '' || hash !== '';
}

/** The credentials of the scheme "Basic" (RFC 7617); undefined if they are not percent-encoded correctly. */
function basic({ username, password }: URL): Secret | undefined {
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return new Secret(`Basic ${Buffer.from(credentials).toString('base64')}`);
  } catch {
    return undefined;
  }
}

function invalid(origin: string, problem: string, text: string): CredentialHelperError {
  const { message } = invalidOption(origin, problem, text);
  return new CredentialHelperError(message, {
    code: 'ERR_INVALID_OPTION',
    hint: 'the form is http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with special characters of user name and password percent-encoded; "proxy": false uses none',
  });
}

/** The URL of a proxy for people: without its password; a user name without one may be a secret too. */
export function withoutProxySecrets(text: string): string {
  if (!text.includes('@')) return text;
  const url = urlOf(text);
  if (url === undefined || hasPath(url)) return HIDDEN;
  const { protocol, host, username, password } = url;
  return `${protocol}//${password === '' ? '' : `${username}:`}${HIDDEN}@${host}`;
}

const HIDDEN = '(a secret)';

/** Whether the URL of a proxy has a user name or password. */
export function hasProxySecrets(text: string): boolean {
  return withoutProxySecrets(text) !== text;
}
