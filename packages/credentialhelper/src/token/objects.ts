import type { Handle, PKCS11, Template } from 'pkcs11js';

/** The objects of a token that match a template. */
export function findObjects(pkcs11: PKCS11, session: Handle, template: Template): Handle[] {
  pkcs11.C_FindObjectsInit(session, template);
  try {
    const handles: Handle[] = [];
    for (;;) {
      const found = pkcs11.C_FindObjects(session, 64);
      if (found.length === 0) return handles;
      handles.push(...found);
    }
  } finally {
    pkcs11.C_FindObjectsFinal(session);
  }
}

/**
 * Reads attributes of an object, in the order asked for. One that the object does not have, or that the token does not
 * give, is undefined.
 */
export function readAttributes(
  pkcs11: PKCS11,
  session: Handle,
  object: Handle,
  types: readonly number[],
): readonly (Buffer | undefined)[] {
  return types.map((type) => {
    try {
      const [attribute] = pkcs11.C_GetAttributeValue(session, object, [{ type }]);
      return Buffer.isBuffer(attribute?.value) ? attribute.value : undefined;
    } catch {
      return undefined;
    }
  });
}
