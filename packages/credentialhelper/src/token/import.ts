import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { chainForKey, describeCertificate } from '../identity/certificate.ts';
import type { Handle, Template } from '../pkcs11/pkcs11.ts';
import { returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { certificateMaterial, subjectOf } from './certificate-objects.ts';
import { readCertificatesInToken } from './find-certificate.ts';
import { findPrivateKey, type PrivateKeyInToken } from './find-key.ts';
import { assertNameIsFree } from './free-name.ts';
import { rememberNameless } from './half-made.ts';
import {
  deriveId,
  type KeyName,
  makeSigningKey,
  privateKeyMaterial,
  privateKeyRules,
  publicKeyMaterial,
  publicKeyRules,
} from './key-objects.ts';
import { destroyObjects, readFlag } from './objects.ts';
import { chainForProof, proveKey } from './prove.ts';
import type { TokenSession } from './session.ts';

/** What is to be put into a token. */
export interface ImportRequest {
  readonly key: KeyObject;
  readonly label: string;
  /** Default: derived from the public key. */
  readonly id?: Buffer | undefined;
  /** The certificate of the key with its chain, in any order. */
  readonly certificates: readonly X509Certificate[];
}

/** What was put into a token. */
export interface Imported {
  readonly key: PrivateKeyInToken;
  readonly name: KeyName;
  /** How many certificates were stored; those of the chain that were there already do not count. */
  readonly certificates: number;
  /** Whether the token accepted the attributes that restrict the key to signing. */
  readonly signsOnly: boolean;
}

/**
 * Puts a private key, its public key and its certificates into a token, as a key that can sign and cannot be read, and
 * proves it by a signature. When anything fails, nothing stays in the token.
 *
 * @param session - one that may write
 * @throws {@link CredentialHelperError} `ERR_KEY_CERTIFICATE_MISMATCH`, `ERR_OBJECT_EXISTS`, before anything is
 * written; `ERR_IMPORT_REFUSED`, `ERR_PKCS11`
 */
export function importKey(session: TokenSession, request: ImportRequest): Imported {
  const { key, label } = request;
  const publicKey = createPublicKey(key);
  const chain = request.certificates.length === 0 ? [] : chainForKey(request.certificates, key);
  const name = { label, id: request.id ?? deriveId(publicKey) };
  assertNameIsFree(session, name);
  const subject: Template = chain[0] === undefined ? {} : { CKA_SUBJECT: subjectOf(chain[0]) };
  return withRollback(session, (create) => {
    let signsOnly: boolean;
    try {
      ({ signsOnly } = makeSigningKey((restrictions) =>
        create({
          ...privateKeyMaterial(key),
          ...privateKeyRules(name),
          ...restrictions,
          ...subject,
        }),
      ));
    } catch (error) {
      throw importRefused(error);
    }
    create({ ...publicKeyMaterial(publicKey), ...publicKeyRules(name), ...subject });
    const certificates = createCertificates(session, create, chain, name);
    const imported = findPrivateKey(session, { object: label, id: name.id });
    assertUnreadable(session, imported);
    const proof = proveKey(session, imported);
    if (chain.length > 0) {
      chainForProof(proof, chain, imported, session);
    } else if (!proof.isMadeBy(publicKey)) {
      throw new CredentialHelperError(
        `${session.context.token} accepted the key, but its signatures do not match the public key`,
        { code: 'ERR_PKCS11', hint: 'the token or its library is defective' },
      );
    }
    return { key: imported, name, certificates, signsOnly };
  });
}

/** A certificate for a key that is in a token; label and id say which key, where there are several. */
export interface CertificateRequest {
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
  /** The certificate with its chain, in any order. */
  readonly certificates: readonly X509Certificate[];
}

/**
 * Stores a certificate, with its chain, for a key that is in the token already.
 *
 * @param session - one that may write
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND`, `ERR_KEY_CERTIFICATE_MISMATCH`, `ERR_OBJECT_EXISTS`,
 * before anything is written; `ERR_PKCS11`
 */
export function importCertificate(
  session: TokenSession,
  { label, certificates, id: wantedId }: CertificateRequest,
): Imported {
  const key = findPrivateKey(session, {
    ...(label === undefined ? {} : { object: label }),
    ...(wantedId === undefined ? {} : { id: wantedId }),
  });
  const chain = chainForProof(proveKey(session, key), certificates, key, session);
  const [leaf] = chain;
  if (readCertificatesInToken(session).some((held) => leaf && sameBytes(held.certificate, leaf))) {
    throw new CredentialHelperError(
      `${session.context.token} already holds ${describeCertificate(leaf)}`,
      { code: 'ERR_OBJECT_EXISTS' },
    );
  }
  const id = key.attributes.id ?? (leaf === undefined ? [] : deriveId(leaf.publicKey));
  const name = { label: key.attributes.object ?? '', id: Buffer.from(id) };
  return withRollback(session, (create) => ({
    key,
    name,
    certificates: createCertificates(session, create, chain, name),
    signsOnly: true,
  }));
}

type Create = (template: Template) => void;

/** Removes what was created when anything fails afterwards: nothing is left half done. */
function withRollback<T>(session: TokenSession, task: (create: Create) => T): T {
  const { pkcs11, handle, context } = session;
  const removeNewNameless = rememberNameless(session);
  const created: Handle[] = [];
  let hasFailed = false;
  try {
    return task((template) => {
      try {
        created.push(withContext(context, () => pkcs11.createObject(handle, template)));
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    });
  } catch (error) {
    destroyObjects(session, created);
    throw error;
  } finally {
    if (hasFailed) removeNewNameless();
  }
}

function createCertificates(
  session: TokenSession,
  create: Create,
  chain: readonly X509Certificate[],
  name: KeyName,
): number {
  if (chain.length === 0) return 0;
  const present = readCertificatesInToken(session);
  const missing = chain.filter(
    (certificate) => !present.some((other) => sameBytes(other.certificate, certificate)),
  );
  for (const certificate of missing) {
    // The certificates of CAs go by ids of their own, so that none is taken for the key's.
    const own = certificate === chain[0];
    create(
      certificateMaterial(
        certificate,
        own ? name : { label: `${name.label} CA`, id: deriveId(certificate.publicKey) },
      ),
    );
  }
  return missing.length;
}

function sameBytes(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}

function assertUnreadable(session: TokenSession, { handle }: PrivateKeyInToken): void {
  const sensitive = readFlag(session, handle, 'CKA_SENSITIVE');
  const extractable = readFlag(session, handle, 'CKA_EXTRACTABLE');
  if (sensitive === true && extractable === false) return;
  throw new CredentialHelperError(
    `${session.context.token} stored the key as extractable (CKA_SENSITIVE ${sensitive}, CKA_EXTRACTABLE ${extractable})`,
    { code: 'ERR_IMPORT_REFUSED', hint: 'the key was deleted from the token' },
  );
}

// What tokens answer that make their own keys only, or do not know this kind of key.
const REFUSALS = [
  'CKR_ACTION_PROHIBITED',
  'CKR_ATTRIBUTE_READ_ONLY',
  'CKR_ATTRIBUTE_TYPE_INVALID',
  'CKR_ATTRIBUTE_VALUE_INVALID',
  'CKR_FUNCTION_NOT_SUPPORTED',
  'CKR_KEY_TYPE_INCONSISTENT',
  'CKR_TEMPLATE_INCOMPLETE',
  'CKR_TEMPLATE_INCONSISTENT',
];

function importRefused(error: unknown): unknown {
  if (!REFUSALS.includes(returnValueOf(error) ?? '')) return error;
  const { message } = error as Error;
  return new CredentialHelperError(`the token does not accept this private key: ${message}`, {
    code: 'ERR_IMPORT_REFUSED',
    cause: error,
    hint: 'TPMs and some other tokens use only keys generated in them: "token generate --csr FILE" generates one, and a certificate signing request for it',
  });
}
