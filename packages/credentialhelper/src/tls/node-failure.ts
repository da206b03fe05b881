import { resourceHint } from '../errors.ts';
import type { HttpsRequest } from './client.ts';
import { HINTS, type WireFailure } from './wire-error.ts';

const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const UNREACHABLE: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ETIMEDOUT',
]);

// TLS alerts (RFC 8446, section 6) by which a server rejects the client certificate: ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE, or
// ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE since OpenSSL 3.2.
const CERTIFICATE_ALERT =
  /^ERR_SSL_[\w/]*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

const VERSION_ALERT =
  /^ERR_SSL_(TLSV1_ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|\w*VERSION_TOO_LOW|NO_PROTOCOLS_AVAILABLE)$/;

type Target = Pick<HttpsRequest, 'host' | 'port'>;

/**
 * Returns the cause of an error of `node:https`.
 *
 * @param answered - whether a response had begun
 */
export function nodeFailure(error: unknown, request: Target, answered: boolean): WireFailure {
  const { name, message } = error as Error;
  const code = errorCode(error as NodeJS.ErrnoException);
  return (
    responseFailure(code, answered) ??
    connectionFailure(code, request) ??
    certificateFailure(code, request) ??
    handshakeFailure(code) ?? {
      code: 'ERR_NETWORK',
      what: `${code} ${message}`.trim(),
      hint: name === 'NotCapable' ? 'start Deno with that permission' : HINTS.network,
    }
  );
}

/** The code of an error. Node.js reports OpenSSL's error as `EPROTO` if a handshake fails during a write. */
function errorCode({ code = '', message }: NodeJS.ErrnoException): string {
  const reason = code === 'EPROTO' && /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1];
  return reason ? `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}` : code;
}

function responseFailure(code: string, answered: boolean): WireFailure | undefined {
  if (code.startsWith('HPE_')) {
    return {
      code: 'ERR_RESPONSE_INVALID',
      what: `the response is not HTTP (${code})`,
      hint: 'is this the endpoint of the credential provider?',
    };
  }
  if (answered) {
    return {
      code: 'ERR_RESPONSE_TRUNCATED',
      what: `the connection was closed before the response was complete (${code})`,
    };
  }
  return undefined;
}

function connectionFailure(code: string, request: Target): WireFailure | undefined {
  const resource = resourceHint(code);
  // EAGAIN is for processes, and none is started here.
  if (resource !== undefined && code !== 'EAGAIN') {
    return {
      code: 'ERR_OUT_OF_RESOURCES',
      what: `cannot connect (${code})`,
      hint: resource,
    };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL') {
    return {
      code: 'ERR_DNS',
      what: `the name ${request.host} cannot be resolved (${code})`,
      hint: HINTS.dns,
    };
  }
  if (code === 'ECONNREFUSED') {
    return {
      code: 'ERR_CONNECTION_REFUSED',
      what: `nothing listens on port ${request.port}`,
      hint: HINTS.refused,
    };
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED') {
    return {
      code: 'ERR_CONNECTION_RESET',
      what: `the connection was closed before a response (${code})`,
      hint: HINTS.reset,
    };
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return {
      code: 'ERR_NETWORK',
      what: 'the permission model of Node.js forbids it',
      hint: 'start this process with --allow-net',
    };
  }
  if (UNREACHABLE.has(code)) {
    return {
      code: 'ERR_NETWORK',
      what: `the host cannot be reached (${code})`,
      hint: HINTS.network,
    };
  }
  return undefined;
}

function certificateFailure(code: string, request: Target): WireFailure | undefined {
  if (UNTRUSTED.has(code)) {
    return {
      code: 'ERR_SERVER_UNTRUSTED',
      what: `the server's certificate does not chain to a trusted CA (${code})`,
      hint: HINTS.untrusted,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      code: 'ERR_SERVER_NAME_MISMATCH',
      what: `the server's certificate is not for the name ${request.host}`,
      hint: HINTS.name,
    };
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const problem = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return {
      code: 'ERR_SERVER_CERTIFICATE_DATE',
      what: `the server's certificate ${problem}; this device's clock says ${new Date().toISOString()}`,
      hint: HINTS.clock,
    };
  }
  return undefined;
}

function handshakeFailure(code: string): WireFailure | undefined {
  if (CERTIFICATE_ALERT.test(code)) {
    return {
      code: 'ERR_CLIENT_CERTIFICATE_REFUSED',
      what: `the server refused the device certificate (${code})`,
      hint: HINTS.clientCertificate,
    };
  }
  if (VERSION_ALERT.test(code)) {
    return {
      code: 'ERR_TLS_VERSION',
      what: `client and server have no TLS version in common (${code})`,
      hint: 'this client supports TLS 1.2 and 1.3',
    };
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return {
      code: 'ERR_TLS_HANDSHAKE',
      what: `the response is not TLS (${code})`,
      hint: 'check host and port; the credential provider listens on port 443',
    };
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_') || code.startsWith('ERR_TLS_')) {
    return { code: 'ERR_TLS_HANDSHAKE', what: `the TLS handshake failed (${code})` };
  }
  return undefined;
}
