import { isIPv4, isIPv6 } from 'node:net';
import { CredentialHelperError } from '../errors.ts';
import { otherAwsName, REGION } from './aws-names.ts';

/** The endpoint of a credential provider. */
export interface Endpoint {
  /** Host name in lower case without a trailing dot, or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host`, or `host:port` if the port is not 443; an IPv6 address in brackets. */
  readonly authority: string;
  /** The AWS region in the host name, if any. */
  readonly region: string | undefined;
}

/** The target of a request to a credential provider. */
export interface ExchangeTarget extends Omit<Endpoint, 'region'> {
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  /** Empty: not sent. */
  readonly userAgent: string;
}

const HTTPS_PORT = 443;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const CREDENTIALS_NAME = new RegExp(`(?:^|\\.)credentials\\.iot(?:-fips)?\\.(${REGION})\\.`);
const REGION_NAME = new RegExp(`^${REGION}$`);
const URL_PARTS = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)(.*)$/is;
const PATH = /^\/(?:role-aliases\/([^/?#]+)\/credentials\/?)?$/;

const LOOK_UP = 'aws iot describe-endpoint --endpoint-type iot:CredentialProvider prints it';

/**
 * Reads an endpoint: `host`, `host:port`, an IPv4 address, or an IPv6 address in brackets, each with or without port.
 * A scheme `https://`, the path of the credential provider, surrounding whitespace, and a trailing dot of the name
 * are also accepted.
 *
 * The region is read from names of the form `<prefix>.credentials.iot.<region>.<suffix>`, in any partition
 * (AWS IoT Core Developer Guide, "Authorizing direct calls to AWS services").
 *
 * @param roleAlias - the option `roleAlias`, which a path must not contradict
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, also for the endpoint of another AWS service;
 * `ERR_DATA_ENDPOINT` for an endpoint of AWS IoT's MQTT and data plane
 */
export function parseEndpoint(text: string, roleAlias?: unknown): Endpoint {
  const { host, port } = splitPort(text, authorityOf(text, roleAlias));
  const other = otherAwsName(host);
  if (other !== undefined) {
    throw new CredentialHelperError(
      `"endpoint" ${host} ${other.what}; credentials come from ${other.instead}, which has its own prefix`,
      { code: other.code, hint: LOOK_UP },
    );
  }
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    host,
    port,
    authority: port === HTTPS_PORT ? name : `${name}:${port}`,
    region: CREDENTIALS_NAME.exec(host)?.[1],
  };
}

/** Whether text has the pattern of an AWS region name, such as `eu-west-1` or `us-gov-east-1`. */
export function isRegionName(text: string): boolean {
  return REGION_NAME.test(text);
}

/** The part between scheme and path, in lower case. */
function authorityOf(text: string, roleAlias: unknown): string {
  const [, scheme, authority = '', rest = ''] = URL_PARTS.exec(text.trim()) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== 'https') {
    const alone = LIKE_A_NAME.test(authority) ? `; use the host name alone: "${authority}"` : '';
    throw invalid(
      text,
      'its scheme is not https',
      `the credential provider is available only over https${alone}`,
    );
  }
  const path = PATH.exec(rest);
  if (rest !== '' && path === null) {
    throw invalid(
      text,
      'the path after the host is not that of the credential provider',
      'use the host name alone',
    );
  }
  const named = path?.[1] === undefined ? undefined : decoded(path[1]);
  if (named !== undefined && typeof roleAlias === 'string' && named !== roleAlias) {
    throw new CredentialHelperError(
      '"endpoint" has a path with a role alias that differs from "roleAlias"',
      { code: 'ERR_INVALID_OPTION', hint: 'use the host name alone' },
    );
  }
  return authority.toLowerCase();
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function splitPort(text: string, authority: string): { host: string; port: number } {
  if (isIPv6Address(authority))
    throw invalid(text, 'an IPv6 address must be in brackets', `use "[${authority}]"`);
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(authority);
  const [named = '', portText] = bracketed
    ? [bracketed[1], bracketed[2]]
    : authority.split(/:(.*)/s, 2);
  const host = bracketed ? named : named.replace(/\.$/, '');
  if (bracketed ? !isIPv6Address(host) : !isHost(host)) {
    throw invalid(text, 'it is not a host name or IP address', LOOK_UP);
  }
  const port = portText === undefined ? HTTPS_PORT : Number(portText);
  if (portText !== undefined && !(/^\d{1,5}$/.test(portText) && port >= 1 && port <= 65_535)) {
    throw invalid(text, 'its port is not a number from 1 to 65535');
  }
  return { host, port };
}

function isHost(host: string): boolean {
  // A name whose last label is a number is a mistyped IPv4 address (RFC 3696, section 2).
  return isIPv4(host) || (HOST_NAME.test(host) && !/(^|\.)\d+$/.test(host));
}

/** In Node.js 20 the first call of `isIPv6` takes 15 ms: it is called only for possible addresses. */
function isIPv6Address(text: string): boolean {
  return text.split(':').length > 2 && isIPv6(text);
}

function invalid(text: string, reason: string, hint?: string): CredentialHelperError {
  const message = `"endpoint" ${shown(text)} is not host or host:port: ${reason}`;
  return new CredentialHelperError(message, { code: 'ERR_INVALID_OPTION', hint });
}

/** A name with dots, of a valid length, with or without scheme, port and path. */
const LIKE_A_NAME =
  /^(?:[a-z]{2,10}:\/\/)?[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+\.?(?::\d{1,6})?(?:\/[a-z0-9/_-]{0,100})?$/i;

/** An invalid endpoint in messages: shown only if it looks like a name and cannot be a secret. */
function shown(text: string): string {
  const trimmed = text.trim();
  return LIKE_A_NAME.test(trimmed)
    ? JSON.stringify(trimmed)
    : `(a string of ${text.length} characters)`;
}
