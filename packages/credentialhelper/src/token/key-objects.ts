import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Handle, Template } from 'pkcs11js';
import { CredentialHelperError } from '../errors.ts';
import { type Curve, curveByName, curveByParameters, decodePoint, encodePoint } from './curves.ts';
import type { Binding } from './library.ts';
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

/** The curve of an EC key; undefined for an RSA key. */
export function curveOf(key: KeyObject): Curve | undefined {
  if (key.asymmetricKeyType !== 'ec') return undefined;
  try {
    const curve = curveByName(key.export({ format: 'jwk' }).crv);
    if (curve !== undefined) return curve;
  } catch {
    // A curve that JWK has no name for.
  }
  const name = key.asymmetricKeyDetails?.namedCurve ?? 'without a name';
  throw new CredentialHelperError(`the key is on the elliptic curve ${name}`, {
    code: 'ERR_PRIVATE_KEY_INVALID',
    hint: 'AWS IoT takes P-256, P-384 and P-521',
  });
}

/** What every private key gets that this package makes or imports. */
export function privateKeyRules({ binding }: TokenSession['library'], name: KeyName): Template {
  return [
    { type: binding.CKA_TOKEN, value: true },
    { type: binding.CKA_PRIVATE, value: true },
    { type: binding.CKA_SENSITIVE, value: true },
    { type: binding.CKA_EXTRACTABLE, value: false },
    { type: binding.CKA_SIGN, value: true },
    { type: binding.CKA_LABEL, value: name.label },
    { type: binding.CKA_ID, value: name.id },
  ];
}

/** What every public key gets that this package makes or imports. */
export function publicKeyRules({ binding }: TokenSession['library'], name: KeyName): Template {
  return [
    { type: binding.CKA_TOKEN, value: true },
    { type: binding.CKA_PRIVATE, value: false },
    { type: binding.CKA_VERIFY, value: true },
    { type: binding.CKA_LABEL, value: name.label },
    { type: binding.CKA_ID, value: name.id },
  ];
}

/** The attributes that are a private key (`C_CreateObject`). */
export function privateKeyMaterial(binding: Binding, key: KeyObject): Template {
  const curve = curveOf(key);
  const jwk: JsonWebKey = key.export({ format: 'jwk' });
  const object = { type: binding.CKA_CLASS, value: binding.CKO_PRIVATE_KEY };
  if (curve !== undefined) {
    return [
      object,
      { type: binding.CKA_KEY_TYPE, value: binding.CKK_EC },
      { type: binding.CKA_EC_PARAMS, value: curve.parameters },
      { type: binding.CKA_VALUE, value: bytes(jwk.d) },
    ];
  }
  return [
    object,
    { type: binding.CKA_KEY_TYPE, value: binding.CKK_RSA },
    { type: binding.CKA_MODULUS, value: bytes(jwk.n) },
    { type: binding.CKA_PUBLIC_EXPONENT, value: bytes(jwk.e) },
    { type: binding.CKA_PRIVATE_EXPONENT, value: bytes(jwk.d) },
    { type: binding.CKA_PRIME_1, value: bytes(jwk.p) },
    { type: binding.CKA_PRIME_2, value: bytes(jwk.q) },
    { type: binding.CKA_EXPONENT_1, value: bytes(jwk.dp) },
    { type: binding.CKA_EXPONENT_2, value: bytes(jwk.dq) },
    { type: binding.CKA_COEFFICIENT, value: bytes(jwk.qi) },
  ];
}

/** The attributes that are a public key (`C_CreateObject`). */
export function publicKeyMaterial(binding: Binding, key: KeyObject): Template {
  const curve = curveOf(key);
  const { n, e, x, y } = key.export({ format: 'jwk' });
  const object = { type: binding.CKA_CLASS, value: binding.CKO_PUBLIC_KEY };
  if (curve !== undefined) {
    return [
      object,
      { type: binding.CKA_KEY_TYPE, value: binding.CKK_EC },
      { type: binding.CKA_EC_PARAMS, value: curve.parameters },
      { type: binding.CKA_EC_POINT, value: encodePoint(bytes(x), bytes(y)) },
    ];
  }
  return [
    object,
    { type: binding.CKA_KEY_TYPE, value: binding.CKK_RSA },
    { type: binding.CKA_MODULUS, value: bytes(n) },
    { type: binding.CKA_PUBLIC_EXPONENT, value: bytes(e) },
  ];
}

/** Reads a public key object; undefined where it is of a kind that AWS IoT does not take. */
export function readPublicKey(session: TokenSession, object: Handle): KeyObject | undefined {
  const { binding } = session.library;
  const read = (type: number) => readAttribute(session, object, type);
  const keyType = readNumber(session, object, binding.CKA_KEY_TYPE);
  if (keyType === binding.CKK_RSA) {
    const n = read(binding.CKA_MODULUS);
    const e = read(binding.CKA_PUBLIC_EXPONENT);
    return n && e ? fromJwk({ kty: 'RSA', n: text(n), e: text(e) }) : undefined;
  }
  const curve = curveByParameters(read(binding.CKA_EC_PARAMS));
  if (keyType !== binding.CKK_EC || curve === undefined) return undefined;
  const point = decodePoint(read(binding.CKA_EC_POINT), curve);
  return point && fromJwk({ kty: 'EC', crv: curve.name, x: text(point.x), y: text(point.y) });
}

/** The public keys in a token that have this id. */
export function publicKeysWithId(session: TokenSession, id: Buffer): readonly KeyObject[] {
  const { binding } = session.library;
  return findAll(session, [
    { type: binding.CKA_CLASS, value: binding.CKO_PUBLIC_KEY },
    { type: binding.CKA_ID, value: id },
  ]).flatMap((object) => readPublicKey(session, object) ?? []);
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
