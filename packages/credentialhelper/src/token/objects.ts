import type { Handle, Template } from 'pkcs11js';
import { withContext } from './pkcs11-error.ts';
import type { TokenSession } from './session.ts';

/** How many objects are asked for at once. */
const BATCH = 64;

/**
 * The objects of a token that have these attributes; without any, all that this session may see.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function findAll(
  { library: { pkcs11 }, session, context }: TokenSession,
  template: Template,
): readonly Handle[] {
  return withContext(context, () => {
    pkcs11.C_FindObjectsInit(session, template);
    try {
      const handles: Handle[] = [];
      for (;;) {
        const found = pkcs11.C_FindObjects(session, BATCH);
        if (found.length === 0) return handles;
        handles.push(...found);
      }
    } finally {
      pkcs11.C_FindObjectsFinal(session);
    }
  });
}

/** One attribute of an object; undefined where the object has none or the token does not tell. */
export function readAttribute(
  { library: { pkcs11 }, session }: TokenSession,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    const [attribute] = pkcs11.C_GetAttributeValue(session, object, [{ type }]);
    return Buffer.isBuffer(attribute?.value) ? attribute.value : undefined;
  } catch {
    return undefined;
  }
}

/** A `CK_BBOOL` attribute; undefined where the token does not tell. */
export function readFlag(session: TokenSession, object: Handle, type: number): boolean | undefined {
  const value = readAttribute(session, object, type);
  return value === undefined || value.length === 0 ? undefined : value[0] !== 0;
}

/** A `CK_ULONG` attribute with a small value, such as a class or key type; undefined where the token does not tell. */
export function readNumber(
  session: TokenSession,
  object: Handle,
  type: number,
): number | undefined {
  const value = readAttribute(session, object, type);
  // A small number is a single byte that is not 0, at one end or the other: the platform's byte order does not matter.
  return value === undefined || value.length === 0 ? undefined : Math.max(...value);
}

/** Removes objects, the last one first; what cannot be removed is left. */
export function destroyObjects(
  { library, session }: TokenSession,
  objects: readonly Handle[],
): void {
  for (const object of [...objects].reverse()) {
    try {
      library.pkcs11.C_DestroyObject(session, object);
    } catch {
      // The error that led here is the one to tell.
    }
  }
}
