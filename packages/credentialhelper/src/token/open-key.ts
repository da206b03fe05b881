import type { KeyObject, X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { readCertificates, toPem } from '../identity/certificate.ts';
import { KEY_KIND_HINT, keyKind } from '../identity/key-kind.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { LogLine } from '../observe/log.ts';
import { Pkcs11, type Trace } from '../pkcs11/pkcs11.ts';
import { returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { monotonicMs } from '../process/timers.ts';
import { describeKey, describeLibrary, describeToken, logOnce } from './describe.ts';
import { findCertificateChain } from './find-certificate.ts';
import { findPrivateKey, type PrivateKeyInToken } from './find-key.ts';
import { openAgain, openPatiently, patiently } from './patience.ts';
import { chainForProof, proveKey } from './prove.ts';
import { openSession, openSessionSync, type TokenSession } from './session.ts';
import { type SignMechanism, signRaw } from './sign.ts';

/** The certificate of a key in a token: a chain in any order as PEM, or the attributes of the one in the token. */
export type TokenCertificate = { readonly chain: string } | { readonly match: Pkcs11Uri };

/** Timeout and callbacks for opening a key. */
export interface TokenEvents {
  /** How long to wait while other processes use the token, in milliseconds. */
  readonly waitMs: number;
  /** Called with warnings. */
  readonly warn: (message: string) => void;
  /** Called with the library, the token and the key that are found. */
  readonly debug?: LogLine | undefined;
  /** Called for each PKCS#11 call. */
  readonly trace?: Trace | undefined;
}

/** A private key in a token, ready to sign, with its certificate. */
export interface OpenTokenKey {
  readonly publicKey: KeyObject;
  /** The certificate chain, the key's own first. */
  readonly chain: readonly X509Certificate[];
  /** Whether the token supports raw RSA signatures, which RSA-PSS and so TLS 1.3 require; true for EC keys. */
  readonly signsForTls13: boolean;
  /** Signs the input of a mechanism unchanged; see `signRaw`. */
  sign(mechanism: SignMechanism, data: Uint8Array): Buffer;
  /** Closes the session with the token. Does not throw. */
  close(): void;
}

/** Return values that mean that session, login or key handle is lost, and a new login may help. */
const LOST: ReadonlySet<string> = new Set([
  ...['CKR_SESSION_HANDLE_INVALID', 'CKR_SESSION_CLOSED', 'CKR_USER_NOT_LOGGED_IN'],
  ...['CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID', 'CKR_DEVICE_REMOVED'],
  ...['CKR_TOKEN_NOT_PRESENT', 'CKR_OPERATION_ACTIVE'],
]);

/**
 * Opens a private key in a token: loads the library, logs in, finds the key, signs once, and finds its
 * certificate.
 *
 * @param lifetime - `lasting` logs in again if the token was logged out or replaced; for a key that is used for one
 * request, the PIN is used once
 * @throws {@link CredentialHelperError} (as a rejection) for errors of library, token, PIN, key or certificate
 */
export async function openTokenKey(
  key: TokenKey,
  certificate: TokenCertificate,
  events: TokenEvents,
  lifetime: 'exchange' | 'lasting' = 'exchange',
): Promise<OpenTokenKey> {
  const begin = monotonicMs();
  const pkcs11 = await patiently(events.waitMs, () => Pkcs11.open(key, events.trace));
  const login = { ...key, ...events };
  const log = logOnce(events.debug);
  log?.(() => describeLibrary(pkcs11));
  const session = await openPatiently(pkcs11, key.match, events.waitMs, (token) => {
    log?.(() => describeToken(token));
    return openSession(pkcs11, token, login);
  });
  let found: FoundKey;
  try {
    found = await patiently(events.waitMs, () => findKey(session, key, certificate));
  } catch (error) {
    session.close();
    throw error;
  }
  const opened = tokenKeyOf(session, found);
  log?.(() => {
    const tookMs = Math.round(monotonicMs() - begin);
    return `${describeKey(found.key, found.chain, opened.signsForTls13)}; opened in ${tookMs} ms`;
  });
  if (lifetime === 'exchange') return opened;
  // Undefined while it is not open: its handles may be reused by another session.
  let current: OpenTokenKey | undefined = opened;
  const logInAgain = (): OpenTokenKey => {
    current?.close();
    current = undefined;
    events.debug?.('the session with the token was lost: logging in again');
    const again = openAgain(pkcs11, key.match, (token) => openSessionSync(pkcs11, token, login));
    try {
      current = tokenKeyOf(again, findKey(again, key, { chain: toPem(found.chain) }));
    } catch (error) {
      again.close();
      throw error;
    }
    return current;
  };
  return {
    ...opened,
    sign(mechanism, data) {
      try {
        if (current !== undefined) return current.sign(mechanism, data);
      } catch (error) {
        if (!LOST.has(returnValueOf(error) ?? '')) throw error;
      }
      return logInAgain().sign(mechanism, data);
    },
    close: () => current?.close(),
  };
}

/** A key and its certificate chain. */
export interface FoundKey {
  readonly key: PrivateKeyInToken;
  readonly chain: readonly X509Certificate[];
}

/** Wraps the key of a session as a signer; closing it closes the session. */
export function tokenKeyOf(session: TokenSession, { key, chain }: FoundKey): OpenTokenKey {
  const { pkcs11, token, context } = session;
  const [own] = chain;
  if (own === undefined) throw new TypeError('a chain is never empty');
  return {
    publicKey: own.publicKey,
    chain,
    signsForTls13:
      !key.isRsa || withContext(context, () => pkcs11.hasMechanism(token.slot, 'CKM_RSA_X_509')),
    sign: (mechanism, data) => signRaw(session, key, mechanism, data),
    close: () => session.close(),
  };
}

function findKey(
  session: TokenSession,
  { match }: TokenKey,
  certificate: TokenCertificate,
): FoundKey {
  const key = findPrivateKey(session, match);
  const proof = proveKey(session, key);
  const chain =
    'match' in certificate
      ? findCertificateChain(session, proof, certificate.match, Date.now())
      : chainForProof(proof, readCertificates(certificate.chain, 'certificate'), key, session);
  assertAccepted(key, chain[0], session);
  return { key, chain };
}

/** Rejects an unsupported key whose type only the certificate shows. */
function assertAccepted(
  { name }: PrivateKeyInToken,
  certificate: X509Certificate | undefined,
  { context }: TokenSession,
): void {
  const kind = certificate && keyKind(certificate.publicKey);
  if (kind === undefined || kind.accepted) return;
  throw new CredentialHelperError(
    `the private key ${name} of ${context.token} is ${kind.name}, which AWS IoT does not support`,
    { code: 'ERR_KEY_UNSUITABLE', hint: KEY_KIND_HINT },
  );
}
