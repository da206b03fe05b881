import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import type { Handle, Template } from 'pkcs11js';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import { chainForKey, describeCertificate } from '../identity/certificate.ts';
import { certificateMaterial, subjectOf } from './certificate-objects.ts';
import { findPrivateKey, type PrivateKeyInToken } from './find.ts';
import { readCertificatesInToken } from './find-certificate.ts';
import { assertNameIsFree } from './free-name.ts';
import {
  deriveId,
  type KeyName,
  privateKeyMaterial,
  privateKeyRules,
  publicKeyMaterial,
  publicKeyRules,
} from './key-objects.ts';
import { destroyObjects, readFlag } from './objects.ts';
import { returnValueName, withContext } from './pkcs11-error.ts';
import { assertKeyOfCertificate, proveKey } from './prove.ts';
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
  const subject = chain[0] === undefined ? [] : subjectAttribute(session, chain[0]);
  const { library } = session;
  return withRollback(session, (create) => {
    try {
      create([
        ...privateKeyMaterial(library.binding, key),
        ...privateKeyRules(library, name),
        ...subject,
      ]);
    } catch (error) {
      throw importRefused(error);
    }
    create([
      ...publicKeyMaterial(library.binding, publicKey),
      ...publicKeyRules(library, name),
      ...subject,
    ]);
    const certificates = createCertificates(session, create, chain, name);
    const imported = findPrivateKey(session, { object: label, id: name.id });
    assertUnreadable(session, imported);
    const proof = proveKey(session, imported);
    if (chain[0] !== undefined) {
      assertKeyOfCertificate(proof, chain[0], imported, session);
    } else if (!proof.isMadeBy(publicKey)) {
      throw new CredentialHelperError(
        `${session.context.token} took the key, but what it signs does not fit the public key`,
        { code: 'ERR_PKCS11', hint: 'the token is defective, or its library is' },
      );
    }
    return { key: imported, name, certificates };
  });
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
  request: Omit<ImportRequest, 'key'>,
): Imported {
  const { label, certificates, id: wantedId } = request;
  const key = findPrivateKey(session, {
    object: label,
    ...(wantedId === undefined ? {} : { id: wantedId }),
  });
  const proof = proveKey(session, key);
  const leaf = certificates.find(({ publicKey }) => proof.isMadeBy(publicKey));
  if (leaf === undefined) {
    throw new CredentialHelperError(
      `the private key "${label}" of ${session.context.token} does not belong to ${describeCertificate(certificates[0])}`,
      {
        code: 'ERR_KEY_CERTIFICATE_MISMATCH',
        hint: 'store the certificate that was issued for the CSR of this key',
      },
    );
  }
  if (readCertificatesInToken(session).some(({ certificate }) => sameBytes(certificate, leaf))) {
    throw new CredentialHelperError(
      `${session.context.token} holds ${describeCertificate(leaf)} already`,
      { code: 'ERR_OBJECT_EXISTS' },
    );
  }
  const name = { label, id: Buffer.from(key.attributes.id ?? deriveId(leaf.publicKey)) };
  const chain = [leaf, ...certificates.filter((certificate) => certificate !== leaf)];
  return withRollback(session, (create) => ({
    key,
    name,
    certificates: createCertificates(session, create, chain, name),
  }));
}

type Create = (template: Template) => void;

/** Removes what was created when anything fails afterwards: nothing is left half done. */
function withRollback<T>(session: TokenSession, task: (create: Create) => T): T {
  const created: Handle[] = [];
  try {
    return task((template) => {
      created.push(
        withContext(session.context, () =>
          session.library.pkcs11.C_CreateObject(session.session, template),
        ),
      );
    });
  } catch (error) {
    destroyObjects(session, created);
    throw error;
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
        session,
        certificate,
        own ? name : { label: `${name.label} CA`, id: deriveId(certificate.publicKey) },
      ),
    );
  }
  return missing.length;
}

function subjectAttribute({ library }: TokenSession, certificate: X509Certificate): Template {
  return [{ type: library.binding.CKA_SUBJECT, value: subjectOf(certificate) }];
}

function sameBytes(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}

function assertUnreadable(session: TokenSession, { handle }: PrivateKeyInToken): void {
  const { binding } = session.library;
  const sensitive = readFlag(session, handle, binding.CKA_SENSITIVE);
  const extractable = readFlag(session, handle, binding.CKA_EXTRACTABLE);
  if (sensitive === true && extractable === false) return;
  throw new CredentialHelperError(
    `${session.context.token} stored the key as one that can be read out again (CKA_SENSITIVE ${sensitive}, CKA_EXTRACTABLE ${extractable})`,
    { code: 'ERR_IMPORT_REFUSED', hint: 'the key was removed from the token again' },
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
  if (!isCredentialHelperError(error)) return error;
  const name = returnValueName(error.cause);
  if (name === undefined || !REFUSALS.includes(name)) return error;
  return new CredentialHelperError(`the token does not take this private key: ${error.message}`, {
    code: 'ERR_IMPORT_REFUSED',
    cause: error,
    hint: 'TPMs and some other tokens use only keys they made themselves: "token generate --csr FILE" makes one, and a request for its certificate',
  });
}
