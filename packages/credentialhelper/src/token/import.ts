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

/** The objects to import into a token. */
export interface ImportRequest {
  readonly key: KeyObject;
  readonly label: string;
  /** Default: derived from the public key. */
  readonly id?: Buffer | undefined;
  /** The certificate of the key with its chain, in any order. */
  readonly certificates: readonly X509Certificate[];
}

/** The imported objects. */
export interface Imported {
  readonly key: PrivateKeyInToken;
  readonly name: KeyName;
  /** The number of stored certificates, without those of the chain that already existed. */
  readonly certificates: number;
  /** Whether the token accepted the attributes that restrict the key to signing. */
  readonly signsOnly: boolean;
}

/**
 * Imports a private key, its public key and its certificates into a token, as a non-extractable signing key, and
 * verifies it with a test signature. If anything fails, all new objects are deleted.
 *
 * @param session - a read/write session
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

/** A certificate for a key in a token; label and id select the key if there are several. */
export interface CertificateRequest {
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
  /** The certificate with its chain, in any order. */
  readonly certificates: readonly X509Certificate[];
}

/**
 * Imports a certificate, with its chain, for a key that is already in the token.
 *
 * @param session - a read/write session
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

/** Deletes created objects if a later step fails. */
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
    // CA certificates have other ids, so that none is taken for that of the key.
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

// Return values of tokens that accept only generated keys, or do not support this key type.
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
