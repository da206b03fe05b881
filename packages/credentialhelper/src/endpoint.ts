import { isIPv4, isIPv6 } from 'node:net';
import { CredentialHelperError } from './errors.ts';

/** Where a credential provider listens. */
export interface Endpoint {
  /** Host name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host`, or `host:port` where the port is not 443; an IPv6 address in brackets. */
  readonly authority: string;
  /** The AWS region that the name says, where it says one. */
  readonly region: string | undefined;
}

const HTTPS_PORT = 443;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const CREDENTIALS_NAME = /(?:^|\.)credentials\.iot(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-\d+)\./i;
const DATA_NAME =
  /^[a-z0-9-]+(?:\.jobs)?\.iot\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.(amazonaws\.[a-z.]+)$/i;
const REGION_NAME = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/;

const LOOK_UP =
  'aws iot describe-endpoint --endpoint-type iot:CredentialProvider prints the right one';

/**
 * Reads an endpoint: `host`, `host:port`, an IPv4 address, or an IPv6 address in brackets, each with or without port.
 *
 * The region is read from names of the form `<prefix>.credentials.iot.<region>.<suffix>`, in any partition
 * (AWS IoT Core Developer Guide, "Authorizing direct calls to AWS services").
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`; `ERR_DATA_ENDPOINT` for an endpoint of AWS IoT's MQTT
 * and data plane
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.includes('://')) {
    const { host } = URL.canParse(text) ? new URL(text) : { host: '' };
    throw invalid(text, 'it is a URL', host && `use the host name alone: "${host}"`);
  }
  const { host, port } = splitPort(text);
  const data = DATA_NAME.exec(host);
  if (data !== null) {
    const [, region, suffix] = data;
    throw new CredentialHelperError(
      `"endpoint" ${host} is AWS IoT's data endpoint; credentials come from <prefix>.credentials.iot.${region}.${suffix}, which has a prefix of its own`,
      { code: 'ERR_DATA_ENDPOINT', hint: LOOK_UP },
    );
  }
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    host,
    port,
    authority: port === HTTPS_PORT ? name : `${name}:${port}`,
    region: CREDENTIALS_NAME.exec(host)?.[1]?.toLowerCase(),
  };
}

/** Whether this is the form of an AWS region's name, such as `eu-west-1` or `us-gov-east-1`. */
export function isRegionName(text: string): boolean {
  return REGION_NAME.test(text);
}

function splitPort(text: string): { host: string; port: number } {
  if (isIPv6Address(text))
    throw invalid(text, 'an IPv6 address stands in brackets', `use "[${text}]"`);
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const [host = '', portText] = bracketed ? [bracketed[1], bracketed[2]] : text.split(/:(.*)/s, 2);
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
  // A name whose last label is a number would be an IPv4 address, and is a mistyped one (RFC 3696, section 2).
  return isIPv4(host) || (HOST_NAME.test(host) && !/(^|\.)\d+$/.test(host));
}

/** Node.js 20 takes 15 ms for the first text that `isIPv6` sees: it is asked only where there may be an address. */
function isIPv6Address(text: string): boolean {
  return text.split(':').length > 2 && isIPv6(text);
}

function invalid(text: string, reason: string, hint?: string): CredentialHelperError {
  const message = `"endpoint" ${JSON.stringify(text)} is not host or host:port: ${reason}`;
  return new CredentialHelperError(message, {
    code: 'ERR_INVALID_OPTION',
    hint: hint || undefined,
  });
}
