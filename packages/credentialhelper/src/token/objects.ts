import type { Handle, Template } from 'pkcs11js';
import type { TokenSession } from './find.ts';
import { withContext } from './pkcs11-error.ts';

/** The objects of a token that have these attributes; without any, all that this session may see. */
export function findObjects(
  { library, session, context }: TokenSession,
  template: Template,
): readonly Handle[] {
  const { pkcs11 } = library;
  return withContext(context, () => {
    pkcs11.C_FindObjectsInit(session, template);
    try {
      const handles: Handle[] = [];
      for (
        let handle = pkcs11.C_FindObjects(session);
        handle;
        handle = pkcs11.C_FindObjects(session)
      ) {
        handles.push(handle);
      }
      return handles;
    } finally {
      pkcs11.C_FindObjectsFinal(session);
    }
  });
}

/** One attribute of an object; undefined where the object has none or the token does not tell. */
export function readAttribute(
  { library, session }: TokenSession,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    const [attribute] = library.pkcs11.C_GetAttributeValue(session, object, [{ type }]);
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
  if (value === undefined || value.length === 0) return undefined;
  // As wide as the platform's `unsigned long`, in its byte order; the numbers asked for here fit in the low 32 bits.
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  return value.length < 4
    ? value[0]
    : view.getUint32(littleEndian ? 0 : value.length - 4, littleEndian);
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
