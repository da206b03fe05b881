import { X509Certificate } from 'node:crypto';
import { CredentialHelperError, isCredentialHelperError, isPinRejection } from '../errors.ts';
import { toPem } from '../identity/certificate.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { TokenTls } from '../tls/choose.ts';
import type { ConnectionSettings, HttpsRequest, HttpsResponse } from '../tls/client.ts';
import { getWithCrt } from '../tls/crt.ts';
import { getWithNode } from '../tls/node.ts';
import { createTokenContext } from '../tls/token.ts';
import { findPrivateKey, findToken } from '../token/find.ts';
import { findCertificateChain } from '../token/find-certificate.ts';
import {
  type Binding,
  type Library,
  loadBinding,
  openLibrary,
  type TokenInSlot,
} from '../token/library.ts';
import { assertKeyOfCertificate, proveKey } from '../token/prove.ts';
import { openRejectedPins } from '../token/rejected-pins.ts';
import { bindingMissing } from '../token/require-binding.ts';
import { hasRsaPss } from '../token/rsa-pss.ts';
import { assertLoginPossible, openSession, type TokenSession } from '../token/session.ts';

/** A request to be made with a key in a token. */
export interface TokenRequest {
  readonly request: HttpsRequest;
  readonly connection: ConnectionSettings;
  readonly tls: TokenTls;
  readonly token: TokenKey;
  /** The certificate chain, the key's own first, as PEM; or what the certificate in the token must match. */
  readonly certificate: { readonly chain: string } | { readonly match: Pkcs11Uri };
}

/** Where a request with a key in a token is made. */
export interface Surroundings {
  /** Told what does not stop the request. */
  readonly warn: (message: string) => void;
  /** Whether somebody else looks at what is printed here, and takes PINs out. */
  readonly isOutputFiltered: boolean;
}

/** A key that was found, and all that is needed to speak TLS with it. */
interface ReadyKey {
  readonly attributes: Pkcs11Uri;
  readonly slotId: number | undefined;
  readonly certificateChain: string;
  /** Whether the token can sign what TLS 1.3 wants of an RSA key; true for EC keys. */
  readonly signsForTls13: boolean;
}

/**
 * Makes a request with a key in a token, in this process: it loads the PKCS#11 library, and keeps it loaded.
 *
 * With pkcs11js the token is looked at first, so that a token or key that is not there, a PIN that is wrong and a key
 * of another certificate are told apart before any network. Without it, what speaks TLS has to find the key.
 *
 * @throws {@link CredentialHelperError} (as a rejection) for what is wrong with the token, the key or the wire
 */
export async function sendTokenRequest(
  tokenRequest: TokenRequest,
  surroundings: Surroundings,
): Promise<HttpsResponse> {
  const binding = await loadBinding();
  return binding === undefined
    ? sendUnchecked(tokenRequest, surroundings)
    : sendChecked(tokenRequest, binding, surroundings);
}

async function sendChecked(
  tokenRequest: TokenRequest,
  binding: Binding,
  { warn }: Surroundings,
): Promise<HttpsResponse> {
  const { match, pin, ignorePinFlags, stateFolder } = tokenRequest.token;
  const library = openLibrary(binding, tokenRequest.token.library);
  try {
    const token = findToken(library, match);
    const needsLogin = (token.flags & binding.CKF_LOGIN_REQUIRED) !== 0;
    if (pin === null && needsLogin) return await sendWithKeypad(tokenRequest, library, token);
    const rejectedPins = openRejectedPins(stateFolder, warn);
    const session = openSession(library, token, pin, { rejectedPins, ignorePinFlags });
    try {
      return await send(tokenRequest, prepareKey(tokenRequest, session));
    } finally {
      session.close();
    }
  } finally {
    library.close();
  }
}

function prepareKey({ token, certificate }: TokenRequest, session: TokenSession): ReadyKey {
  const key = findPrivateKey(session, token.match);
  const proof = proveKey(session, key);
  let certificateChain: string;
  if ('chain' in certificate) {
    certificateChain = certificate.chain;
    assertKeyOfCertificate(proof, new X509Certificate(certificateChain), key, session);
  } else {
    certificateChain = toPem(findCertificateChain(session, proof, certificate.match, Date.now()));
  }
  return {
    attributes: key.attributes,
    slotId: session.token.attributes.slotId,
    certificateChain,
    signsForTls13: !key.isRsa || hasRsaPss(session.library, session.token),
  };
}

/**
 * The token asks for the PIN itself: what speaks TLS logs in, once, because somebody has to type for each login. The key
 * is not looked at before.
 */
function sendWithKeypad(
  tokenRequest: TokenRequest,
  library: Library,
  token: TokenInSlot,
): Promise<HttpsResponse> {
  const { certificate } = tokenRequest;
  const { match, ignorePinFlags } = tokenRequest.token;
  assertLoginPossible(library, token, null, ignorePinFlags);
  if (!('chain' in certificate)) {
    throw new CredentialHelperError(
      'a certificate cannot be looked for in a token that asks for the PIN on its own keypad',
      { code: 'ERR_PIN_REQUIRED', hint: 'pass the certificate as a file' },
    );
  }
  const { publicKey } = new X509Certificate(certificate.chain);
  const { token: label, serial, slotId } = token.attributes;
  return send(tokenRequest, {
    attributes: { ...match, token: label, ...(serial ? { serial } : {}) },
    slotId,
    certificateChain: certificate.chain,
    signsForTls13: publicKey.asymmetricKeyType !== 'rsa' || hasRsaPss(library, token),
  });
}

async function sendUnchecked(
  tokenRequest: TokenRequest,
  { warn, isOutputFiltered }: Surroundings,
): Promise<HttpsResponse> {
  const { tls, token, certificate } = tokenRequest;
  const { match, library, pin } = token;
  if (!('chain' in certificate)) throw bindingMissing('to read a certificate from a token');
  // Without a name the engine would log in to some token, and a wrong PIN there counts.
  if (tls.kind === 'node' && match.token === undefined && match.serial === undefined) {
    throw bindingMissing('to find a token otherwise than by label or serial number');
  }
  // Where there is no such key, the engine prints what it was asked for, with the PIN.
  if (tls.kind === 'node' && pin != null && !isOutputFiltered) {
    throw bindingMissing('to use a key in a token in the calling process ("isolate": false)');
  }
  const rejectedPins = openRejectedPins(token.stateFolder, warn);
  const identity = JSON.stringify([library, formatPkcs11Uri(match)]);
  if (pin != null) rejectedPins.assertNotRejected(identity, pin);
  try {
    return await send(tokenRequest, {
      attributes: match,
      slotId: match.slotId,
      certificateChain: certificate.chain,
      signsForTls13: true,
    });
  } catch (error) {
    if (pin != null && isPinRejection(error)) rejectedPins.remember(identity, pin, error);
    throw error;
  }
}

async function send(tokenRequest: TokenRequest, key: ReadyKey): Promise<HttpsResponse> {
  const { request, connection, tls } = tokenRequest;
  const { library, pin } = tokenRequest.token;
  const { attributes, certificateChain, signsForTls13, slotId } = key;
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
    pin: pin ?? undefined,
    certificateChain,
    signsForTls13,
  });
  try {
    return await getWithNode(request, connection, context);
  } catch (error) {
    throw signsForTls13 ? error : withoutTls13(error);
  }
}

/** Says what a token without RSA-PSS means for an endpoint that wants TLS 1.3. */
function withoutTls13(error: unknown): unknown {
  if (!isCredentialHelperError(error) || error.code !== 'ERR_TLS_VERSION') return error;
  return new CredentialHelperError(
    `${error.message}; the token has no RSA-PSS signatures, so TLS 1.3 was not offered`,
    {
      code: 'ERR_TLS_VERSION',
      hint: 'use an EC key in this token, or an endpoint whose security policy allows TLS 1.2',
      cause: error,
    },
  );
}
