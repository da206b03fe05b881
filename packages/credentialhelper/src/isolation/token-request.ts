import { X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { TokenKey } from '../options.ts';
import type { TokenTls } from '../tls/choose.ts';
import type { ConnectionSettings, HttpsRequest, HttpsResponse } from '../tls/client.ts';
import { getWithCrt } from '../tls/crt.ts';
import { getWithNode } from '../tls/node.ts';
import { createTokenContext } from '../tls/token.ts';
import { findPrivateKey, findToken, openSession } from '../token/find.ts';
import { loadBinding, openLibrary } from '../token/library.ts';
import { proveKeyMatchesCertificate } from '../token/prove.ts';

/** A request to be made with a key in a token. */
export interface TokenRequest {
  readonly request: HttpsRequest;
  readonly connection: ConnectionSettings;
  readonly tls: TokenTls;
  readonly token: TokenKey;
  /** The certificate chain, the key's own first, as PEM. */
  readonly certificateChain: string;
}

/**
 * Makes a request with a key in a token, in this process: it loads the PKCS#11 library, and keeps it loaded.
 *
 * With pkcs11js the token is looked at first, so that a token or key that is not there, a PIN that is wrong and a key
 * of another certificate are told apart before any network. Without it, what speaks TLS has to find the key.
 *
 * @throws {@link CredentialHelperError} (as a rejection) for what is wrong with the token, the key or the wire
 */
export async function sendTokenRequest(tokenRequest: TokenRequest): Promise<HttpsResponse> {
  const binding = await loadBinding();
  if (binding === undefined) return sendUnchecked(tokenRequest);
  const { certificateChain } = tokenRequest;
  const { library: path, match, pin } = tokenRequest.token;
  const library = openLibrary(binding, path);
  try {
    const token = findToken(library, match);
    const session = openSession(library, token, pin);
    try {
      const key = findPrivateKey(session, match);
      proveKeyMatchesCertificate(session, key, new X509Certificate(certificateChain));
      const { slotId } = token.attributes;
      return await send(tokenRequest, { attributes: key.attributes, slotId, loggedIn: true });
    } finally {
      session.close();
    }
  } finally {
    library.close();
  }
}

async function sendUnchecked(tokenRequest: TokenRequest): Promise<HttpsResponse> {
  const { tls, token } = tokenRequest;
  const { match } = token;
  // Without a name the engine would log in to some token, and a wrong PIN there counts.
  if (tls.kind === 'node' && match.token === undefined && match.serial === undefined) {
    throw new CredentialHelperError(
      'without the npm package pkcs11js, a token can only be found by its label',
      { code: 'ERR_TOKEN_AMBIGUOUS', hint: 'give the token’s label, or npm install pkcs11js' },
    );
  }
  return send(tokenRequest, { attributes: match, slotId: match.slotId, loggedIn: false });
}

/** What names the key, and whether this process is logged in to its token already: the engine then needs no PIN. */
interface FoundKey {
  readonly attributes: Pkcs11Uri;
  readonly slotId: number | undefined;
  readonly loggedIn: boolean;
}

async function send(tokenRequest: TokenRequest, found: FoundKey): Promise<HttpsResponse> {
  const { request, connection, tls, certificateChain } = tokenRequest;
  const { library, pin } = tokenRequest.token;
  const { attributes, slotId, loggedIn } = found;
  if (tls.kind === 'crt') {
    return getWithCrt(request, connection, {
      library,
      pin: pin?.reveal() ?? null,
      slotId,
      tokenLabel: attributes.token,
      keyLabel: attributes.object,
      certificateChain,
    });
  }
  const context = createTokenContext(connection, {
    library,
    engineFolder: tls.engineFolder,
    attributes,
    pin: loggedIn ? undefined : (pin ?? undefined),
    certificateChain,
  });
  return getWithNode(request, connection, context);
}
