import type { X509Certificate } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate, leafFirst } from '../identity/certificate.ts';
import { certificateDateProblem } from '../identity/certificate-dates.ts';
import { monotonicMs } from '../process/timers.ts';
import { readCertificatesInToken } from '../token/find-certificate.ts';
import type { PrivateKeyInToken } from '../token/find-key.ts';
import { publicKeysWithId } from '../token/key-objects.ts';
import { readFlag } from '../token/objects.ts';
import { tokenKeyOf } from '../token/open-key.ts';
import { proveKey } from '../token/prove.ts';
import type { TokenSession } from '../token/session.ts';
import { makeThrowaway } from '../token/throwaway-certificate.ts';
import { createTokenContext } from './token-context.ts';
import { tryHandshake } from './try-handshake.ts';

/** The result of the test of a key. */
export interface Verification {
  /** Whether the key belongs to the certificate; undefined without a certificate. */
  readonly belongs: boolean | undefined;
  /** The certificate in messages, and its source. */
  readonly certificate:
    | { readonly description: string; readonly from: 'file' | 'token' }
    | undefined;
  /** The problem with the certificate's validity period. */
  readonly dateProblem: string | undefined;
  /** A handshake for each TLS version; none if the key does not belong to the certificate. */
  readonly handshakes: readonly Handshake[];
  readonly attributes: {
    readonly sensitive: boolean | undefined;
    readonly extractable: boolean | undefined;
    readonly alwaysAuthenticate: boolean | undefined;
  };
}

/** The result of a handshake in one TLS version. */
export interface Handshake {
  readonly tls: '1.2' | '1.3';
  readonly works: boolean;
  /** The reason of a failure. */
  readonly reason: string | undefined;
  /** How long the token took to sign, in milliseconds. */
  readonly signatureMs: number | undefined;
}

/**
 * Tests a private key in a token as a session uses it: TLS handshakes, with a server in this process.
 *
 * @param given - certificates from a file; default: those in the token
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_CERTIFICATE_INVALID` if there is neither certificate
 * nor public key to verify signatures with; `ERR_TLS_UNAVAILABLE`, `ERR_KEY_UNSUITABLE`, `ERR_PKCS11`
 */
export async function verifyKey(
  session: TokenSession,
  key: PrivateKeyInToken,
  given: readonly X509Certificate[],
): Promise<Verification> {
  const from = given.length > 0 ? 'file' : 'token';
  const certificates = from === 'file' ? given : certificatesFor(session, key);
  const proof = proveKey(session, key);
  const chain = leafFirst(certificates, ({ publicKey }) => proof.isMadeBy(publicKey));
  const shown = chain?.[0] ?? certificates[0];
  const publicKey =
    chain?.[0]?.publicKey ??
    publicKeysWithId(session, Buffer.from(key.attributes.id ?? [])).find(proof.isMadeBy);
  if (shown === undefined && publicKey === undefined) {
    throw new CredentialHelperError(
      `${session.context.token} holds neither a certificate nor a public key of the private key ${key.name}`,
      { code: 'ERR_CERTIFICATE_INVALID', hint: 'pass the certificate: --certificate FILE' },
    );
  }
  const tried =
    chain ?? (shown === undefined && publicKey ? [makeThrowaway(publicKey).certificate] : []);
  return {
    belongs: shown === undefined ? undefined : chain !== undefined,
    certificate: shown && { description: describeCertificate(shown), from },
    dateProblem: shown && certificateDateProblem(shown, Date.now()),
    handshakes: await tryHandshakes(session, key, tried),
    attributes: {
      sensitive: readFlag(session, key.handle, 'CKA_SENSITIVE'),
      extractable: readFlag(session, key.handle, 'CKA_EXTRACTABLE'),
      alwaysAuthenticate: readFlag(session, key.handle, 'CKA_ALWAYS_AUTHENTICATE'),
    },
  };
}

/** The certificates in the token with the key's id or label, that with the latest expiration first. */
function certificatesFor(session: TokenSession, key: PrivateKeyInToken): X509Certificate[] {
  const { id, object } = key.attributes;
  return readCertificatesInToken(session)
    .filter(
      (found) =>
        (id !== undefined && found.id.equals(id)) ||
        (object !== undefined && found.label === object),
    )
    .map(({ certificate }) => certificate)
    .sort((one, other) => Date.parse(other.validTo) - Date.parse(one.validTo));
}

async function tryHandshakes(
  session: TokenSession,
  key: PrivateKeyInToken,
  chain: readonly X509Certificate[],
): Promise<readonly Handshake[]> {
  if (chain.length === 0) return [];
  const server = makeThrowaway();
  const handshakes: Handshake[] = [];
  for (const tls of ['1.2', '1.3'] as const) {
    let signatureMs: number | undefined;
    const token = tokenKeyOf(session, { key, chain });
    const context = createTokenContext(
      session.pkcs11.koffi,
      {
        ...token,
        sign(...request) {
          const begin = monotonicMs();
          const signature = token.sign(...request);
          signatureMs = Math.round((monotonicMs() - begin) * 100) / 100;
          return signature;
        },
      },
      {},
    );
    try {
      await tryHandshake(context.secureContext, `TLSv${tls}` satisfies SecureVersion, server);
      handshakes.push({ tls, works: true, reason: undefined, signatureMs });
    } catch (error) {
      const reason = token.signsForTls13 || tls === '1.2' ? error : new Error(WITHOUT_RAW_RSA);
      handshakes.push({
        tls,
        works: false,
        reason: ((context.failure() ?? reason) as Error).message,
        signatureMs: undefined,
      });
    } finally {
      context.release();
    }
  }
  return handshakes;
}

const WITHOUT_RAW_RSA =
  'RSA-PSS requires raw RSA signatures (CKM_RSA_X_509), which the token does not support';
