import { CredentialHelperError } from '../errors.ts';
import { explainReturnValue } from '../pkcs11-return-value.ts';
import type { HttpsRequest } from './client.ts';
import type { CrtKey } from './crt.ts';
import { HINTS, type WireFailure, wireError } from './wire-error.ts';

/**
 * Names the cause of an error of aws-crt. Its errors carry the name of a constant, such as `AWS_IO_SOCKET_TIMEOUT`, and
 * nothing else that could be told apart.
 *
 * @param answered - whether a response had begun
 */
export function crtError(
  error: unknown,
  request: HttpsRequest,
  key: CrtKey,
  answered = false,
): CredentialHelperError {
  const message = error instanceof Error ? error.message : String(error);
  const name = /\bAWS_[A-Z0-9_]+/.exec(message)?.[0] ?? message;
  const tokenError = tokenFailure(name, key, error);
  if (tokenError !== undefined) return tokenError;
  const failure = answered
    ? ({
        code: 'ERR_RESPONSE_TRUNCATED',
        what: `the connection closed within the response (${name})`,
      } as const)
    : wireFailure(name, request);
  return wireError(request, failure, error);
}

function tokenFailure(
  name: string,
  key: CrtKey,
  cause: unknown,
): CredentialHelperError | undefined {
  const searched = [
    key.slotId === undefined ? '' : ` in slot ${key.slotId}`,
    key.tokenLabel === undefined ? '' : ` with the label "${key.tokenLabel}"`,
  ].join('');
  const install = 'install the npm package pkcs11js to be told what is there';
  if (name === 'AWS_IO_SHARED_LIBRARY_LOAD_FAILURE') {
    return new CredentialHelperError(`cannot load the PKCS#11 library ${key.library}`, {
      code: 'ERR_PKCS11_LIBRARY',
      cause,
      hint: `it must be a PKCS#11 library for this system (${process.platform} ${process.arch})`,
    });
  }
  if (name === 'AWS_ERROR_PKCS11_VERSION_UNSUPPORTED') {
    return new CredentialHelperError(
      `aws-crt does not take the PKCS#11 library ${key.library}: its version is too old`,
      { code: 'ERR_PKCS11_LIBRARY', cause, hint: 'use "tls": "node"' },
    );
  }
  if (name === 'AWS_ERROR_PKCS11_TOKEN_NOT_FOUND') {
    return new CredentialHelperError(
      `no token, or more than one, matches${searched} in library ${key.library}`,
      { code: 'ERR_TOKEN_NOT_FOUND', cause, hint: install },
    );
  }
  if (name === 'AWS_ERROR_PKCS11_KEY_NOT_FOUND') {
    const label = key.keyLabel === undefined ? '' : ` with the label "${key.keyLabel}"`;
    return new CredentialHelperError(
      `no private key, or more than one,${label} is in the token${searched} (library ${key.library})`,
      { code: 'ERR_KEY_NOT_FOUND', cause, hint: install },
    );
  }
  const returnValue = /^AWS_ERROR_PKCS11_(CKR_\w+)$/.exec(name)?.[1];
  if (returnValue === undefined) return undefined;
  const { code, hint } = explainReturnValue(returnValue);
  return new CredentialHelperError(
    `a PKCS#11 call returned ${returnValue} for the token${searched} (library ${key.library})`,
    { code, cause, hint },
  );
}

function wireFailure(name: string, request: HttpsRequest): WireFailure {
  if (name.startsWith('AWS_IO_DNS_')) {
    return {
      code: 'ERR_DNS',
      what: `the name ${request.host} cannot be resolved (${name})`,
      hint: HINTS.dns,
    };
  }
  switch (name) {
    case 'AWS_IO_SOCKET_CONNECTION_REFUSED':
      return {
        code: 'ERR_CONNECTION_REFUSED',
        what: `nothing listens on port ${request.port}`,
        hint: HINTS.refused,
      };
    case 'AWS_IO_SOCKET_CLOSED':
    case 'AWS_IO_BROKEN_PIPE':
    case 'AWS_ERROR_HTTP_CONNECTION_CLOSED':
    case 'AWS_ERROR_HTTP_SERVER_CLOSED':
      return {
        code: 'ERR_CONNECTION_RESET',
        what: `the connection was closed before a response (${name})`,
        hint: HINTS.reset,
      };
    case 'AWS_ERROR_HTTP_PROTOCOL_ERROR':
      return {
        code: 'ERR_RESPONSE_INVALID',
        what: `what came back is not HTTP (${name})`,
        hint: 'is this the endpoint of the credential provider?',
      };
    case 'AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE':
      return {
        code: 'ERR_TLS_HANDSHAKE',
        what: 'the TLS handshake failed; aws-crt does not say why',
        hint: 'where the endpoint wants TLS 1.3, aws-crt cannot use a key in a token and "tls": "node" can; else check the server’s certificate and "ca"',
      };
    case 'AWS_IO_TLS_SIGNATURE_ALGORITHM_UNSUPPORTED':
      return {
        code: 'ERR_TLS_HANDSHAKE',
        what: `the TLS handshake failed (${name})`,
        hint: 'is the certificate for a key of another kind than the one in the token?',
      };
    default:
      return {
        code: name.startsWith('AWS_IO_TLS_') ? 'ERR_TLS_HANDSHAKE' : 'ERR_NETWORK',
        what: name,
        hint: HINTS.network,
      };
  }
}
