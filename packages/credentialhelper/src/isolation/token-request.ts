import type { X509Certificate } from 'node:crypto';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { TokenKey } from '../identity/token-key.ts';
import { loadKoffi } from '../pkcs11/koffi.ts';
import { monotonicMs } from '../process/timers.ts';
import type { ConnectionSettings, HttpsRequest, HttpsResponse } from '../tls/client.ts';
import { getWithNode } from '../tls/node.ts';
import { findOpenSsl } from '../tls/openssl.ts';
import { createTokenContext } from '../tls/token-context.ts';
import { openTokenKey, type TokenCertificate, type TokenEvents } from '../token/open-key.ts';

/** A request with a key in a token. */
export interface TokenRequest {
  readonly request: HttpsRequest;
  readonly connection: ConnectionSettings;
  readonly token: TokenKey;
  readonly certificate: TokenCertificate;
}

/** Callbacks of a request. */
export interface TokenRequestEvents extends Pick<TokenEvents, 'warn' | 'debug' | 'trace'> {
  /** Called with the device certificate before it is used. */
  readonly certificate: (certificate: X509Certificate) => void;
}

/**
 * Sends a request with a key in a token from this process: loads the PKCS#11 library, and keeps it loaded.
 *
 * @param limitMs - timeout in milliseconds A runtime whose TLS cannot use the key, a missing token or key, a wrong PIN
 * and a key of another certificate are detected before any network access.
 *
 * @throws {@link CredentialHelperError} (as a rejection) for errors of token, key or network
 */
export async function sendTokenRequest(
  { request, connection, token, certificate }: TokenRequest,
  events: TokenRequestEvents,
  limitMs: number,
): Promise<HttpsResponse> {
  const begin = monotonicMs();
  const koffi = await loadKoffi();
  findOpenSsl(koffi);
  const { ca } = connection;
  const key = await openTokenKey(token, certificate, { ...events, waitMs: limitMs });
  try {
    events.certificate(key.chain[0] as X509Certificate);
    const context = createTokenContext(koffi, key, ca === undefined ? {} : { ca });
    try {
      const leftMs = limitMs - (monotonicMs() - begin);
      return await getWithNode(request, connection, context.secureContext, leftMs, events.debug);
    } catch (error) {
      throw context.failure() ?? (key.signsForTls13 ? error : withoutTls13(error));
    } finally {
      context.release();
    }
  } finally {
    key.close();
  }
}

/** Explains that a token without raw RSA cannot connect to an endpoint that requires TLS 1.3. */
function withoutTls13(error: unknown): unknown {
  if (!isCredentialHelperError(error) || error.code !== 'ERR_TLS_VERSION') return error;
  return new CredentialHelperError(
    `${error.message}; the token does not support raw RSA signatures (CKM_RSA_X_509), which RSA-PSS requires, so TLS 1.3 was not offered`,
    {
      code: 'ERR_TLS_VERSION',
      hint: 'use an EC key in this token, or an endpoint whose security policy allows TLS 1.2',
      cause: error,
    },
  );
}
