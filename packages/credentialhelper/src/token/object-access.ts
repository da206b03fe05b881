import type { Handle, Template } from 'pkcs11js';
import { openSession, type TokenSession } from './find.ts';
import type { Library, TokenInSlot } from './library.ts';
import { findObjects, readAttributes } from './objects.ts';
import { withContext } from './pkcs11-error.ts';
import { openRejectedPins } from './rejected-pins.ts';

/**
 * The objects of a token that have these attributes; without any, all that this session may see.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function findAll(
  { library, session, context }: TokenSession,
  template: Template,
): readonly Handle[] {
  return withContext(context, () => findObjects(library.pkcs11, session, template));
}

/** One attribute of an object; undefined where the object has none or the token does not tell. */
export function readAttribute(
  { library, session }: TokenSession,
  object: Handle,
  type: number,
): Buffer | undefined {
  return readAttributes(library.pkcs11, session, object, [type])[0];
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

/** Opens a session that sees what anybody may see of a token, and logs in nowhere. */
export function openPublicSession(library: Library, token: TokenInSlot): TokenSession {
  const flags = token.flags & ~library.binding.CKF_LOGIN_REQUIRED;
  const rejectedPins = openRejectedPins(undefined, () => {});
  return openSession(library, { ...token, flags }, undefined, {
    rejectedPins,
    ignorePinFlags: false,
  });
}
