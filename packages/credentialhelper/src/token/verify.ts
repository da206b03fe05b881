import { type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import { certificateDateProblem, describeCertificate } from '../identity/certificate.ts';
import type { Pin } from '../identity/pin.ts';
import type { PrivateKeyInToken } from './find.ts';
import { readCertificatesInToken } from './find-certificate.ts';
import { publicKeysWithId } from './key-objects.ts';
import { readFlag } from './objects.ts';
import { hasRsaPss } from './rsa-pss.ts';
import type { TokenSession } from './session.ts';
import { hashOf, isGoodSignature, type SignatureScheme, schemesOf, signInToken } from './sign.ts';

/** What trying out a key brought to light. */
export interface Verification {
  /** Whether the key belongs to the certificate; undefined where there was no certificate to compare. */
  readonly belongs: boolean | undefined;
  /** How messages call the certificate that was compared, and where it came from. */
  readonly certificate:
    | { readonly description: string; readonly from: 'file' | 'token' }
    | undefined;
  /** What is wrong with the certificate's dates. */
  readonly dateProblem: string | undefined;
  readonly signatures: readonly SignatureTrial[];
  /** Whether RSA-PSS failed and the token signs raw RSA, which the OpenSSL engine takes and pads by itself. */
  readonly paddedByEngine: boolean;
  readonly attributes: {
    readonly sensitive: boolean | undefined;
    readonly extractable: boolean | undefined;
    readonly alwaysAuthenticate: boolean | undefined;
  };
}

/** How one kind of signature went. */
export interface SignatureTrial {
  readonly scheme: SignatureScheme;
  /** The versions of TLS in which a client's key signs that way. */
  readonly tls: readonly ('1.2' | '1.3')[];
  readonly works: boolean;
  /** Why it does not work. */
  readonly reason: string | undefined;
  /** The median of a few signatures, in milliseconds. */
  readonly milliseconds: number | undefined;
}

const ROUNDS = 5;

// TLS 1.3 has no PKCS#1 v1.5 for what clients sign (RFC 8446, section 4.2.3); TLS 1.2 has all three.
const TLS_VERSIONS: Readonly<Record<SignatureScheme, SignatureTrial['tls']>> = {
  ECDSA: ['1.2', '1.3'],
  'RSA PKCS#1 v1.5': ['1.2'],
  'RSA-PSS': ['1.2', '1.3'],
};

/**
 * Tries out what TLS would ask of a private key in a token.
 *
 * @param given - certificates from a file; without any, those in the token are looked at
 * @throws {@link CredentialHelperError} `ERR_CERTIFICATE_INVALID` where there is neither certificate nor public key to
 * check signatures with
 */
export function verifyKey(
  session: TokenSession,
  key: PrivateKeyInToken,
  given: readonly X509Certificate[],
  pin?: Pin,
): Verification {
  const { binding } = session.library;
  const from = given.length > 0 ? 'file' : 'token';
  const certificates = from === 'file' ? given : certificatesFor(session, key);
  const publicKeys = publicKeysWithId(session, Buffer.from(key.attributes.id ?? []));
  const trials = (publicKey: KeyObject) =>
    schemesOf(publicKey).map((scheme) => tryScheme(session, key, publicKey, scheme, pin));

  const candidates = [...certificates.map(({ publicKey }) => publicKey), ...publicKeys];
  if (candidates.length === 0) {
    throw new CredentialHelperError(
      `${session.context.token} holds neither a certificate nor a public key for the private key "${key.attributes.object ?? ''}"`,
      { code: 'ERR_CERTIFICATE_INVALID', hint: 'give the certificate: --certificate FILE' },
    );
  }
  // A mechanism for another kind of key is never asked of it: SoftHSM crashes on that.
  const ofItsKind = candidates.filter(
    ({ asymmetricKeyType }) => (asymmetricKeyType === 'rsa') === key.isRsa,
  );
  const tried = ofItsKind.map((publicKey) => ({ publicKey, signatures: trials(publicKey) }));
  const best = tried.find(({ signatures }) => signatures.some(({ works }) => works)) ?? tried[0];
  const own = certificates.find(
    ({ publicKey }) => best !== undefined && publicKey.equals(best.publicKey),
  );
  const shown = own ?? certificates[0];
  const works = best?.signatures.some((trial) => trial.works) ?? false;
  return {
    belongs: shown === undefined ? undefined : own !== undefined && works,
    certificate: shown && { description: describeCertificate(shown), from },
    dateProblem: shown && certificateDateProblem(shown, Date.now()),
    signatures: best?.signatures ?? [],
    paddedByEngine:
      best?.signatures.some(({ scheme, works: good }) => scheme === 'RSA-PSS' && !good) === true &&
      hasRsaPss(session.library, session.token),
    attributes: {
      sensitive: readFlag(session, key.handle, binding.CKA_SENSITIVE),
      extractable: readFlag(session, key.handle, binding.CKA_EXTRACTABLE),
      alwaysAuthenticate: readFlag(session, key.handle, binding.CKA_ALWAYS_AUTHENTICATE),
    },
  };
}

/** The certificates in the token that go by the key's id or label, the one that is valid longest first. */
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

function tryScheme(
  session: TokenSession,
  key: PrivateKeyInToken,
  publicKey: KeyObject,
  scheme: SignatureScheme,
  pin: Pin,
): SignatureTrial {
  const tls = TLS_VERSIONS[scheme];
  const request = { scheme, hash: hashOf(publicKey), message: randomBytes(32) };
  const times: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      const signature = signInToken(session, key.handle, request, pin);
      times.push(performance.now() - begin);
      if (!isGoodSignature(publicKey, request, signature)) {
        const reason = 'the signature does not fit: the key belongs to another certificate';
        return { scheme, tls, works: false, reason, milliseconds: undefined };
      }
    }
  } catch (error) {
    if (!isCredentialHelperError(error)) throw error;
    return { scheme, tls, works: false, reason: error.message, milliseconds: undefined };
  }
  const median = times.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? 0;
  return {
    scheme,
    tls,
    works: true,
    reason: undefined,
    milliseconds: Math.round(median * 100) / 100,
  };
}
