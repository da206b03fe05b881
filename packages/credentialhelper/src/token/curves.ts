import type { KeyObject } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';

/** An elliptic curve that AWS IoT takes. */
export interface Curve {
  /** Its name in a JWK (RFC 7518, section 6.2.1.1). */
  readonly name: 'P-256' | 'P-384' | 'P-521';
  /** `CKA_EC_PARAMS`: the DER form of the curve's object identifier (RFC 5480, section 2.1.1.1). */
  readonly parameters: Buffer;
  /** How many bytes a coordinate has. */
  readonly size: number;
  /** The digest that fits its strength (RFC 8446, section 4.2.3, ties the two). */
  readonly hash: 'sha256' | 'sha384' | 'sha512';
}

const CURVES: readonly Curve[] = [
  // 1.2.840.10045.3.1.7
  { name: 'P-256', parameters: hex('06082a8648ce3d030107'), size: 32, hash: 'sha256' },
  // 1.3.132.0.34
  { name: 'P-384', parameters: hex('06052b81040022'), size: 48, hash: 'sha384' },
  // 1.3.132.0.35
  { name: 'P-521', parameters: hex('06052b81040023'), size: 66, hash: 'sha512' },
];

/** The curve of this name, or undefined. */
export function curveByName(name: string | undefined): Curve | undefined {
  return CURVES.find((curve) => curve.name === name);
}

/** The curve with this `CKA_EC_PARAMS`, or undefined. */
export function curveByParameters(parameters: Buffer | undefined): Curve | undefined {
  return CURVES.find((curve) => parameters?.equals(curve.parameters));
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

/** The coordinates in a `CKA_EC_POINT`, with or without the OCTET STRING around it: tokens differ. */
export function decodePoint(
  value: Buffer | undefined,
  { size }: Curve,
): { readonly x: Buffer; readonly y: Buffer } | undefined {
  const point = value?.subarray(-(2 * size + 1));
  if (point === undefined || point.length !== 2 * size + 1 || point[0] !== 4) return undefined;
  return { x: point.subarray(1, size + 1), y: point.subarray(size + 1) };
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
