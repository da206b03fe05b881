import type { AttributeName, Handle, Template } from '../pkcs11/pkcs11.ts';
import { withContext } from '../pkcs11/return-value.ts';
import type { TokenSession } from './session.ts';

/**
 * The objects of a token that have these attributes; without any, all that this session may see.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function findAll(
  { pkcs11, handle, context }: TokenSession,
  template: Template,
): readonly Handle[] {
  return withContext(context, () => pkcs11.findObjects(handle, template));
}

/** One attribute of an object; undefined if the object does not have it or the token does not reveal it. */
export function readAttribute(
  { pkcs11, handle }: TokenSession,
  object: Handle,
  name: AttributeName,
): Buffer | undefined {
  return pkcs11.getAttribute(handle, object, name);
}

/** The names of objects in a token. */
export interface ObjectName {
  /** `CKA_LABEL` as its bytes: not all are UTF-8. */
  readonly label: Buffer;
  readonly id: Buffer;
}

/** The label and id of an object; empty if not set. */
export function readName(session: TokenSession, object: Handle): ObjectName {
  const read = (name: AttributeName) => readAttribute(session, object, name) ?? Buffer.alloc(0);
  return { label: read('CKA_LABEL'), id: read('CKA_ID') };
}

/** The search criteria in messages: ` with the label "…" with the id …`, or nothing. */
export function describeWanted({
  label,
  id,
}: {
  readonly label: string | undefined;
  readonly id: Uint8Array | undefined;
}): string {
  return [
    label === undefined ? '' : ` with the label "${label}"`,
    id === undefined ? '' : ` with the id ${Buffer.from(id).toString('hex')}`,
  ].join('');
}

/** Names of object types in output. */
export const OBJECT_TYPES = {
  private: 'private key',
  public: 'public key',
  cert: 'certificate',
} as const;

/** A `CK_BBOOL` attribute; undefined if the token does not reveal it. */
export function readFlag(
  session: TokenSession,
  object: Handle,
  name: AttributeName,
): boolean | undefined {
  const value = readAttribute(session, object, name);
  return value === undefined || value.length === 0 ? undefined : value[0] !== 0;
}

/** A `CK_ULONG` attribute; undefined if the token does not reveal it. */
export function readNumber(
  session: TokenSession,
  object: Handle,
  name: AttributeName,
): number | undefined {
  const value = readAttribute(session, object, name);
  if (value === undefined || value.length < session.pkcs11.koffi.types.ulong.size) return undefined;
  return Number(session.pkcs11.koffi.decode(value, 'ulong'));
}

/** Deletes objects, the last one first; failures are ignored. */
export function destroyObjects({ pkcs11, handle }: TokenSession, objects: readonly Handle[]): void {
  for (const object of [...objects].reverse()) {
    try {
      pkcs11.destroyObject(handle, object);
    } catch {
      // The original error is reported.
    }
  }
}
