import { CredentialHelperError } from '../errors.ts';
import { CKO } from '../pkcs11/constants.ts';
import type { Handle } from '../pkcs11/pkcs11.ts';
import { withContext } from '../pkcs11/return-value.ts';
import { describeWanted, findAll, OBJECT_TYPES, readName } from './objects.ts';
import type { TokenSession } from './session.ts';

const CLASSES = { private: CKO.PRIVATE_KEY, public: CKO.PUBLIC_KEY, cert: CKO.CERTIFICATE };

/** An object to delete. */
export interface FoundObject {
  readonly handle: Handle;
  readonly type: keyof typeof OBJECT_TYPES;
  readonly label: string;
  /** `CKA_ID` in hexadecimal digits. */
  readonly id: string;
}

/**
 * Finds the key pair, or with a type the one object, with this label and id.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND`; `ERR_KEY_AMBIGUOUS` if there are several of a type
 */
export function findDeletable(
  session: TokenSession,
  wanted: {
    readonly label: string | undefined;
    readonly id: Uint8Array | undefined;
    readonly type: keyof typeof OBJECT_TYPES | undefined;
  },
): readonly FoundObject[] {
  const types = wanted.type === undefined ? (['private', 'public'] as const) : [wanted.type];
  const found = types.flatMap((type) => {
    const handles = findAll(session, {
      CKA_CLASS: CLASSES[type],
      ...(wanted.label === undefined ? {} : { CKA_LABEL: wanted.label }),
      ...(wanted.id === undefined ? {} : { CKA_ID: wanted.id }),
    });
    return handles.map((handle): FoundObject => {
      const { label, id } = readName(session, handle);
      return { handle, type, label: label.toString(), id: id.toString('hex') };
    });
  });
  const what = wanted.type === undefined ? 'key' : OBJECT_TYPES[wanted.type];
  const name = describeWanted(wanted);
  if (found.length === 0) {
    throw new CredentialHelperError(`${session.context.token} holds no ${what}${name}`, {
      code: 'ERR_KEY_NOT_FOUND',
      hint: '"token list --login" shows what the token holds',
    });
  }
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size > 1 || found.length > types.length) {
    throw new CredentialHelperError(
      `${session.context.token} holds several objects${name}: ids ${[...ids].sort().join(', ')}`,
      { code: 'ERR_KEY_AMBIGUOUS', hint: 'name one by its id: --id HEX; nothing was deleted' },
    );
  }
  return found;
}

/**
 * Deletes objects, the private key last: until then a key pair is still usable.
 *
 * @param session - a read/write session
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function deleteObjects(session: TokenSession, objects: readonly FoundObject[]): void {
  withContext(session.context, () => {
    for (const { handle } of [...objects].reverse()) {
      session.pkcs11.destroyObject(session.handle, handle);
    }
  });
}
