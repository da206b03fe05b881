import { X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { describeCertificate } from '../identity/certificate.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { matchesToken, type TokenSession } from './find.ts';
import { findObjects, readAttributes } from './objects.ts';
import { withContext } from './pkcs11-error.ts';
import type { KeyProof } from './prove.ts';

/** A certificate in a token. */
export interface CertificateInToken {
  readonly certificate: X509Certificate;
  readonly label: string;
  readonly id: Buffer;
}

/**
 * Reads the X.509 certificates of a token. Objects that hold none are passed over.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function readCertificatesInToken({
  library,
  session,
  context,
}: TokenSession): readonly CertificateInToken[] {
  const { pkcs11, binding } = library;
  return withContext(context, () => {
    const template = [
      { type: binding.CKA_CLASS, value: binding.CKO_CERTIFICATE },
      { type: binding.CKA_CERTIFICATE_TYPE, value: binding.CKC_X_509 },
    ];
    return findObjects(pkcs11, session, template).flatMap((handle) => {
      const [label, id, value] = readAttributes(pkcs11, session, handle, [
        binding.CKA_LABEL,
        binding.CKA_ID,
        binding.CKA_VALUE,
      ]);
      try {
        const certificate = new X509Certificate(value ?? Buffer.alloc(0));
        return [{ certificate, label: (label ?? '').toString(), id: id ?? Buffer.alloc(0) }];
      } catch {
        return [];
      }
    });
  });
}

/**
 * Chooses the certificate of a key among those in its token: one that matches and belongs to the key; of several, the
 * one that is valid now and latest; and the certificates of its chain, as far as the token holds them.
 *
 * @param match - attributes that the certificate must have besides
 * @param nowMs - epoch milliseconds
 * @returns the chain, the key's own certificate first
 * @throws {@link CredentialHelperError} `ERR_CERTIFICATE_NOT_FOUND`, listing what is there
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
  const wanted = [
    match.object === undefined ? '' : ` with the label "${match.object}"`,
    match.id === undefined ? '' : ` with the id ${Buffer.from(match.id).toString('hex')}`,
  ].join('');
  const there = all
    .map(
      ({ certificate, label, id }) =>
        `${formatPkcs11Uri({ object: label, id, type: 'cert' })} ${describeCertificate(certificate)}`,
    )
    .sort();
  throw new CredentialHelperError(
    `${session.context.token} holds no certificate${wanted} that belongs to the key; there: ${there.length === 0 ? 'none' : there.join(', ')}`,
    {
      code: 'ERR_CERTIFICATE_NOT_FOUND',
      hint: 'put the certificate into the token, or pass it as a file',
    },
  );
}

/** Valid before not valid, then latest end first. */
function rank(certificate: X509Certificate, nowMs: number): number {
  const end = Date.parse(certificate.validTo);
  const valid = Date.parse(certificate.validFrom) <= nowMs && nowMs < end;
  return valid ? end + Number.MAX_SAFE_INTEGER / 2 : end;
}

/** A self-signed certificate ends the chain and is left out, as the server has to know it anyway. */
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
