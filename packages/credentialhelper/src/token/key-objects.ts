import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { OctetString } from 'asn1js';
import { CKK, CKO } from '../pkcs11/constants.ts';
import type { AttributeName, Handle, Template } from '../pkcs11/pkcs11.ts';
import { returnValueOf } from '../pkcs11/return-value.ts';
import { curveByParameters, curveOf, decodePoint } from './curves.ts';
import { findAll, readAttribute, readNumber } from './objects.ts';
import type { TokenSession } from './session.ts';

/** The name of a key and of the objects that belong to it. */
export interface KeyName {
  readonly label: string;
  readonly id: Buffer;
}

/**
 * The default id of a key: the SHA-1 of its public key's bits, like the usual subject key identifier of certificates
 * (RFC 5280, section 4.2.1.2, method 1). An identifier, not a security feature.
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

/** The attributes of every private key that this package generates or imports: it can only sign. */
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

/** The warning for a key that {@link makeSigningKey} could not restrict. */
export const NOT_RESTRICTED =
  'the token accepts no attributes that restrict a key to signing: it decides itself what the key is permitted to do';

/** The forbidden uses of a private key; some tokens accept none of these attributes. */
const SIGNS_ONLY: Template = {
  CKA_DECRYPT: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
  CKA_SIGN_RECOVER: false,
};

/** Return values of some tokens for unsupported attributes, and of others when they are busy. */
const UNCLEAR_REFUSALS = ['CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR'];

const ATTRIBUTE_REFUSALS = [
  ...['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID', 'CKR_ATTRIBUTE_READ_ONLY'],
  ...['CKR_TEMPLATE_INCONSISTENT', ...UNCLEAR_REFUSALS],
];

/**
 * Creates a private key that can only sign; if the token rejects the attributes for that, one with the token's
 * defaults.
 *
 * @param make - creates the key with these attributes in addition to its own
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

/** The attributes of every public key that this package generates or imports. */
export function publicKeyRules({ label, id }: KeyName): Template {
  return {
    CKA_TOKEN: true,
    CKA_PRIVATE: false,
    CKA_VERIFY: true,
    CKA_LABEL: label,
    CKA_ID: id,
  };
}

/** The attributes of a private key (`C_CreateObject`). */
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

/** The attributes of a public key (`C_CreateObject`). */
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

/** Reads a public key object; undefined for a type that AWS IoT does not support. */
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
