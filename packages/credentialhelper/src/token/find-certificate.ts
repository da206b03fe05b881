import { X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { CKC_X_509, CKO } from '../pkcs11/constants.ts';
import { describeWanted, findAll, readAttribute, readName } from './objects.ts';
import type { KeyProof } from './prove.ts';
import type { TokenSession } from './session.ts';
import { matchesToken } from './slots.ts';

/** A certificate in a token. */
export interface CertificateInToken {
  readonly certificate: X509Certificate;
  readonly label: string;
  readonly id: Buffer;
}

/**
 * Reads the X.509 certificates of a token. Other objects are ignored.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function readCertificatesInToken(session: TokenSession): readonly CertificateInToken[] {
  const template = { CKA_CLASS: CKO.CERTIFICATE, CKA_CERTIFICATE_TYPE: CKC_X_509 };
  return findAll(session, template).flatMap((handle) => {
    const value = readAttribute(session, handle, 'CKA_VALUE') ?? Buffer.alloc(0);
    try {
      const certificate = new X509Certificate(value);
      const { label, id } = readName(session, handle);
      return [{ certificate, label: label.toString(), id }];
    } catch {
      return [];
    }
  });
}

/**
 * Selects the certificate of a key in its token: one that matches and belongs to the key; of several, a valid one
 * with the latest expiration; with the certificates of its chain, as far as the token holds them.
 *
 * @param match - further attributes of the certificate
 * @param nowMs - epoch milliseconds
 * @returns the chain, the key's own certificate first
 * @throws {@link CredentialHelperError} `ERR_CERTIFICATE_NOT_FOUND`, which lists the certificates in the token
 */
export function findCertificateChain(
  session: TokenSession,
  proof: KeyProof,
  match: Pkcs11Uri,
  nowMs: number,
): readonly X509Certificate[] {
  const all = matchesToken(session.token, match) ? readCertificatesInToken(session) : [];
  const candidates = all
    .filter(
      ({ label, id }) =>
        (match.object === undefined || match.object === label) &&
        (match.id === undefined || id.equals(match.id)),
    )
    .filter(({ certificate }) => proof.isMadeBy(certificate.publicKey))
    .map(({ certificate }) => certificate);
  const [best] = candidates.sort((a, b) => rank(b, nowMs) - rank(a, nowMs));
  if (best !== undefined)
    return chainOf(
      best,
      all.map(({ certificate }) => certificate),
    );
  const wanted = describeWanted({ label: match.object, id: match.id });
  const there = all
    .map(
      ({ certificate, label, id }) =>
        `${formatPkcs11Uri({ object: label, id, type: 'cert' })} ${describeCertificate(certificate)}`,
    )
    .sort();
  throw new CredentialHelperError(
    `${session.context.token} holds no certificate${wanted} that belongs to the key; it has: ${there.length === 0 ? 'none' : there.join(', ')}`,
    {
      code: 'ERR_CERTIFICATE_NOT_FOUND',
      hint: 'import the certificate into the token, or pass it as a file',
    },
  );
}

/** Valid ones first, then the latest expiration first. */
function rank(certificate: X509Certificate, nowMs: number): number {
  const end = Date.parse(certificate.validTo);
  const valid = Date.parse(certificate.validFrom) <= nowMs && nowMs < end;
  return valid ? end + Number.MAX_SAFE_INTEGER / 2 : end;
}

/** A self-signed certificate ends the chain and is omitted, as the server must have it anyway. */
function chainOf(
  leaf: X509Certificate,
  all: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [leaf];
  for (let last = leaf; ; ) {
    const issuer = all.find(
      (candidate) =>
        !chain.includes(candidate) &&
        last.checkIssued(candidate) &&
        last.verify(candidate.publicKey) &&
        !candidate.checkIssued(candidate),
    );
    if (issuer === undefined) return chain;
    chain.push(issuer);
    last = issuer;
  }
}
