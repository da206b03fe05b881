import { CredentialHelperError } from '../errors.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { CKK, CKO, OTHER_KEY_TYPES } from '../pkcs11/constants.ts';
import type { Handle } from '../pkcs11/pkcs11.ts';
import { curveByParameters } from './curves.ts';
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
  /** Whether it is an RSA key; else it is an EC key. */
  readonly isRsa: boolean;
  /** Whether it asks for the PIN at every signature (`CKA_ALWAYS_AUTHENTICATE`). */
  readonly alwaysAuthenticate: boolean;
  /** How messages call it: its label, or its id. */
  readonly name: string;
  /** What names this key and no other. */
  readonly attributes: Pkcs11Uri;
}

/** A private key that was found, of whatever kind. */
interface FoundKey extends ObjectName {
  readonly handle: Handle;
  readonly isRsa: boolean;
  /** Such as `RSA 2048`, `EC P-256` or `Ed25519 or Ed448`. */
  readonly kind: string;
  /** Whether TLS and AWS IoT take keys of this kind. */
  readonly usable: boolean;
}

/**
 * Finds the one private key that matches and that TLS can use; keys of other kinds beside it do not matter.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND` or `ERR_KEY_AMBIGUOUS`, listing what is there;
 * `ERR_KEY_UNSUITABLE` where the key that matches is of another kind
 */
export function findPrivateKey(session: TokenSession, match: Pkcs11Uri): PrivateKeyInToken {
  const { pkcs11, token, context } = session;
  const keys = findKeys(session);
  const matching = keys.filter(
    ({ label, id }) =>
      (match.object === undefined || label.equals(Buffer.from(match.object))) &&
      (match.id === undefined || id.equals(match.id)),
  );
  const usable = matching.filter((key) => key.usable);
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
        hint: `name one by its label, or by its id where labels repeat: ${uris.sort().join(', ')}`,
      },
    );
  }
  if (matching.length > 0) {
    throw new CredentialHelperError(
      `${context.token} holds the private key ${list(matching)}, which cannot be used for TLS client authentication`,
      {
        code: 'ERR_KEY_UNSUITABLE',
        hint: 'AWS IoT takes RSA keys of 2048 bits and more, and EC keys on P-256, P-384 and P-521',
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
    const kind = describeKind(session, handle, type);
    return {
      handle,
      ...readName(session, handle),
      isRsa: type === CKK.RSA,
      kind: kind.name,
      usable: kind.usable,
    };
  });
}

/** The kind of a key by its type and size; a key whose size or curve is unknown is taken to be usable. */
export function describeKind(
  session: TokenSession,
  handle: Handle,
  type: number | undefined,
): { readonly name: string; readonly usable: boolean } {
  if (type === CKK.RSA) {
    const modulus = readAttribute(session, handle, 'CKA_MODULUS');
    const bits = modulus === undefined ? undefined : bitLength(modulus);
    return { name: bits ? `RSA ${bits}` : 'RSA', usable: bits === undefined || bits >= 2048 };
  }
  if (type === CKK.EC) {
    const parameters = readAttribute(session, handle, 'CKA_EC_PARAMS');
    const curve = curveByParameters(parameters);
    if (curve !== undefined) return { name: `EC ${curve.name}`, usable: true };
    return parameters === undefined || parameters.length === 0
      ? { name: 'EC', usable: true }
      : { name: 'EC on another curve', usable: false };
  }
  const name = type === undefined ? 'of an unknown type' : OTHER_KEY_TYPES[type];
  return { name: name ?? `of type 0x${type?.toString(16)}`, usable: false };
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
    .map((key) => `${nameOf(key)} (${key.kind})`)
    .sort()
    .join(', ');
}
