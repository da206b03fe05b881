import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { OctetString } from 'asn1js';
import { CKK, CKO } from '../pkcs11/constants.ts';
import type { AttributeName, Handle, Template } from '../pkcs11/pkcs11.ts';
import { returnValueOf } from '../pkcs11/return-value.ts';
import { curveByParameters, curveOf, decodePoint } from './curves.ts';
import { findAll, readAttribute, readNumber } from './objects.ts';
import type { TokenSession } from './session.ts';

/** What names a key and the objects that belong to it. */
export interface KeyName {
  readonly label: string;
  readonly id: Buffer;
}

/**
 * The id that a key gets where none is chosen: the SHA-1 of its public key's bits, which is also how certificates
 * usually name their key (RFC 5280, section 4.2.1.2, method 1). A name, not a protection.
 */
export function deriveId(publicKey: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyBits(publicKey)).digest();
}

function publicKeyBits(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType === 'rsa') {
    return publicKey.export({ type: 'pkcs1', format: 'der' });
  }
  const { x, y } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), bytes(x), bytes(y)]);
}

/** What every private key gets that this package makes or imports: it may sign, and nothing else. */
export function privateKeyRules({ label, id }: KeyName): Template {
  return {
    CKA_TOKEN: true,
    CKA_PRIVATE: true,
    CKA_SENSITIVE: true,
    CKA_EXTRACTABLE: false,
    CKA_SIGN: true,
    CKA_LABEL: label,
    CKA_ID: id,
  };
}

/** What to tell of a key that {@link makeSigningKey} could not restrict. */
export const NOT_RESTRICTED =
  'the token accepts no attributes that restrict a key to signing: it decides itself what the key is permitted to do';

/** What a private key may not do; some tokens take none of these attributes. */
const SIGNS_ONLY: Template = {
  CKA_DECRYPT: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
  CKA_SIGN_RECOVER: false,
};

/** What some tokens return for attributes that they refuse, and others where they are busy. */
const UNCLEAR_REFUSALS = ['CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR'];

const ATTRIBUTE_REFUSALS = [
  ...['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID', 'CKR_ATTRIBUTE_READ_ONLY'],
  ...['CKR_TEMPLATE_INCONSISTENT', ...UNCLEAR_REFUSALS],
];

/**
 * Makes a private key that may sign and nothing else; where the token refuses the attributes for that, one as the token
 * makes it by itself.
 *
 * @param make - makes the key with these attributes besides its own
 * @returns what `make` returns, and whether the token accepted the attributes that restrict the key to signing
 */
export function makeSigningKey<T>(make: (restrictions: Template) => T): {
  readonly made: T;
  readonly signsOnly: boolean;
} {
  try {
    return { made: againIfUnclear(() => make(SIGNS_ONLY)), signsOnly: true };
  } catch (error) {
    if (!ATTRIBUTE_REFUSALS.includes(returnValueOf(error) ?? '')) throw error;
    return { made: make({}), signsOnly: false };
  }
}

function againIfUnclear<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!UNCLEAR_REFUSALS.includes(returnValueOf(error) ?? '')) throw error;
    return make();
  }
}

/** What every public key gets that this package makes or imports. */
export function publicKeyRules({ label, id }: KeyName): Template {
  return {
    CKA_TOKEN: true,
    CKA_PRIVATE: false,
    CKA_VERIFY: true,
    CKA_LABEL: label,
    CKA_ID: id,
  };
}

/** The attributes that are a private key (`C_CreateObject`). */
export function privateKeyMaterial(key: KeyObject): Template {
  const curve = curveOf(key);
  const jwk: JsonWebKey = key.export({ format: 'jwk' });
  const CKA_CLASS = CKO.PRIVATE_KEY;
  if (curve !== undefined) {
    return {
      CKA_CLASS,
      CKA_KEY_TYPE: CKK.EC,
      CKA_EC_PARAMS: curve.parameters,
      CKA_VALUE: bytes(jwk.d),
    };
  }
  return {
    CKA_CLASS,
    CKA_KEY_TYPE: CKK.RSA,
    CKA_MODULUS: bytes(jwk.n),
    CKA_PUBLIC_EXPONENT: bytes(jwk.e),
    CKA_PRIVATE_EXPONENT: bytes(jwk.d),
    CKA_PRIME_1: bytes(jwk.p),
    CKA_PRIME_2: bytes(jwk.q),
    CKA_EXPONENT_1: bytes(jwk.dp),
    CKA_EXPONENT_2: bytes(jwk.dq),
    CKA_COEFFICIENT: bytes(jwk.qi),
  };
}

/** The attributes that are a public key (`C_CreateObject`). */
export function publicKeyMaterial(key: KeyObject): Template {
  const curve = curveOf(key);
  const { n, e, x, y } = key.export({ format: 'jwk' });
  const CKA_CLASS = CKO.PUBLIC_KEY;
  if (curve !== undefined) {
    return {
      CKA_CLASS,
      CKA_KEY_TYPE: CKK.EC,
      CKA_EC_PARAMS: curve.parameters,
      CKA_EC_POINT: encodePoint(bytes(x), bytes(y)),
    };
  }
  return {
    CKA_CLASS,
    CKA_KEY_TYPE: CKK.RSA,
    CKA_MODULUS: bytes(n),
    CKA_PUBLIC_EXPONENT: bytes(e),
  };
}

/** Reads a public key object; undefined where it is of a kind that AWS IoT does not take. */
export function readPublicKey(session: TokenSession, object: Handle): KeyObject | undefined {
  const read = (name: AttributeName) => readAttribute(session, object, name);
  const keyType = readNumber(session, object, 'CKA_KEY_TYPE');
  if (keyType === CKK.RSA) {
    const n = read('CKA_MODULUS');
    const e = read('CKA_PUBLIC_EXPONENT');
    return n && e ? fromJwk({ kty: 'RSA', n: text(n), e: text(e) }) : undefined;
  }
  const curve = curveByParameters(read('CKA_EC_PARAMS'));
  if (keyType !== CKK.EC || curve === undefined) return undefined;
  const point = decodePoint(read('CKA_EC_POINT'), curve);
  return point && fromJwk({ kty: 'EC', crv: curve.name, x: text(point.x), y: text(point.y) });
}

/** The public keys in a token that have this id. */
export function publicKeysWithId(session: TokenSession, id: Buffer): readonly KeyObject[] {
  return findAll(session, { CKA_CLASS: CKO.PUBLIC_KEY, CKA_ID: id }).flatMap(
    (object) => readPublicKey(session, object) ?? [],
  );
}

/** `CKA_EC_POINT`: the uncompressed point (SEC 1, section 2.3.3) in a DER OCTET STRING. */
function encodePoint(x: Buffer, y: Buffer): Buffer {
  const valueHex = Uint8Array.of(4, ...x, ...y).buffer;
  return Buffer.from(new OctetString({ valueHex }).toBER());
}

function fromJwk(key: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function bytes(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? '', 'base64url');
}

function text(value: Buffer): string {
  return value.toString('base64url');
}
