import { CredentialHelperError } from '../errors.ts';
import { ecKind, KEY_KIND_HINT, type KeyKind, rsaKind } from '../identity/key-kind.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { CKK, CKO, OTHER_KEY_TYPES } from '../pkcs11/constants.ts';
import type { Handle } from '../pkcs11/pkcs11.ts';
import { curveName } from './curves.ts';
import {
  describeWanted,
  findAll,
  type ObjectName,
  readAttribute,
  readFlag,
  readName,
  readNumber,
} from './objects.ts';
import type { TokenSession } from './session.ts';
import { tokenUriAttributes } from './slots.ts';

/** A private key in a token. */
export interface PrivateKeyInToken {
  readonly handle: Handle;
  /** Whether it is an RSA key; otherwise it is an EC key. */
  readonly isRsa: boolean;
  /** Whether it asks for the PIN at every signature (`CKA_ALWAYS_AUTHENTICATE`). */
  readonly alwaysAuthenticate: boolean;
  /** Its name in messages: its label, or its id. */
  readonly name: string;
  /** The URI attributes that identify this key. */
  readonly attributes: Pkcs11Uri;
}

/** A private key of any type. */
interface FoundKey extends ObjectName {
  readonly handle: Handle;
  readonly isRsa: boolean;
  readonly kind: KeyKind;
}

/**
 * Finds the one private key that matches and that AWS IoT supports; keys of other types are ignored.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND` or `ERR_KEY_AMBIGUOUS`, which list the keys in the token;
 * `ERR_KEY_UNSUITABLE` if the matching key is of another type
 */
export function findPrivateKey(session: TokenSession, match: Pkcs11Uri): PrivateKeyInToken {
  const { pkcs11, token, context } = session;
  const keys = findKeys(session);
  const matching = keys.filter(
    ({ label, id }) =>
      (match.object === undefined || label.equals(Buffer.from(match.object))) &&
      (match.id === undefined || id.equals(match.id)),
  );
  const usable = matching.filter(({ kind }) => kind.accepted);
  const [key] = usable;
  const attributesOf = ({ label, id }: FoundKey): Pkcs11Uri => ({
    ...tokenUriAttributes(token),
    ...(label.length === 0 ? {} : { object: label.toString() }),
    ...(id.length === 0 ? {} : { id }),
    type: 'private',
  });
  if (usable.length === 1 && key !== undefined) {
    const { handle, isRsa } = key;
    const alwaysAuthenticate = readFlag(session, handle, 'CKA_ALWAYS_AUTHENTICATE') === true;
    return { handle, isRsa, alwaysAuthenticate, name: nameOf(key), attributes: attributesOf(key) };
  }
  const wanted = describeWanted({ label: match.object, id: match.id });
  if (usable.length > 1) {
    const uris = usable.map((found) =>
      formatPkcs11Uri({ ...attributesOf(found), modulePath: pkcs11.path }),
    );
    throw new CredentialHelperError(
      `${context.token} holds ${usable.length} private keys${wanted}: ${list(usable)}`,
      {
        code: 'ERR_KEY_AMBIGUOUS',
        hint: `name one by its label, or by its id if labels are not unique: ${uris.sort().join(', ')}`,
      },
    );
  }
  if (matching.length > 0) {
    throw new CredentialHelperError(
      `${context.token} holds the private key ${list(matching)}, which cannot be used for TLS client authentication`,
      {
        code: 'ERR_KEY_UNSUITABLE',
        hint: KEY_KIND_HINT,
      },
    );
  }
  throw new CredentialHelperError(
    `${context.token} holds no private key${wanted}; it has: ${keys.length === 0 ? 'none' : list(keys)}`,
    {
      code: 'ERR_KEY_NOT_FOUND',
      hint: 'check the label; labels are compared exactly, including case',
    },
  );
}

function findKeys(session: TokenSession): readonly FoundKey[] {
  return findAll(session, { CKA_CLASS: CKO.PRIVATE_KEY }).map((handle) => {
    const type = readNumber(session, handle, 'CKA_KEY_TYPE');
    return {
      handle,
      ...readName(session, handle),
      isRsa: type === CKK.RSA,
      kind: kindInToken(session, handle, type),
    };
  });
}

/** The key types with a curve (`CKA_EC_PARAMS`). */
const ON_CURVES: ReadonlySet<number> = new Set([CKK.EC, CKK.EC_EDWARDS, CKK.EC_MONTGOMERY]);

/** The type of a key in a token; a size or curve that the token does not reveal counts as accepted. */
export function kindInToken(
  session: TokenSession,
  handle: Handle,
  type: number | undefined,
): KeyKind {
  if (type === CKK.RSA) {
    const modulus = readAttribute(session, handle, 'CKA_MODULUS');
    return rsaKind(modulus?.length ? bitLength(modulus) : undefined);
  }
  if (type === undefined) return { name: 'of an unknown type', accepted: false };
  const other = OTHER_KEY_TYPES[type] ?? `of type 0x${type.toString(16)}`;
  if (!ON_CURVES.has(type)) return { name: other, accepted: false };
  const parameters = readAttribute(session, handle, 'CKA_EC_PARAMS');
  const curve = parameters?.length ? curveName(parameters) : undefined;
  if (type !== CKK.EC) return { name: curve ?? other, accepted: false };
  return ecKind(parameters?.length ? (curve ?? 'on another curve') : undefined);
}

function bitLength(bytes: Buffer): number {
  const hex = bytes.toString('hex').replace(/^0+/, '');
  return hex === '' ? 0 : BigInt(`0x${hex}`).toString(2).length;
}

function nameOf({ label, id }: ObjectName): string {
  if (label.length > 0) return `"${label}"`;
  return id.length > 0 ? `with the id ${id.toString('hex')}` : 'without label and id';
}

/** Keys in a message: `"new-key" (EC P-256), "thing-key" (RSA 2048)`. */
function list(keys: readonly FoundKey[]): string {
  return keys
    .map((key) => `${nameOf(key)} (${key.kind.name})`)
    .sort()
    .join(', ');
}
