import type { KeyObject } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { KEY_KIND_HINT, keyKind } from '../identity/key-kind.ts';

/** An elliptic curve that AWS IoT supports. */
export interface Curve {
  /** Its name in a JWK (RFC 7518, section 6.2.1.1). */
  readonly name: 'P-256' | 'P-384' | 'P-521';
  /** `CKA_EC_PARAMS`: the DER encoding of the curve's object identifier (RFC 5480, section 2.1.1.1). */
  readonly parameters: Buffer;
  /** Size of a coordinate in bytes. */
  readonly size: number;
  /** The digest for its strength (defined in RFC 8446, section 4.2.3). */
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

/** Other curves of keys in tokens, by `CKA_EC_PARAMS` in hexadecimal digits. */
const OTHER_CURVES: Readonly<Record<string, string>> = {
  '06082a8648ce3d030101': 'P-192',
  '06052b81040021': 'P-224',
  '06052b8104000a': 'secp256k1',
  '06092b2403030208010103': 'brainpoolP192r1',
  '06092b2403030208010105': 'brainpoolP224r1',
  '06092b2403030208010107': 'brainpoolP256r1',
  '06092b2403030208010109': 'brainpoolP320r1',
  '06092b240303020801010b': 'brainpoolP384r1',
  '06092b240303020801010d': 'brainpoolP512r1',
  '06082a811ccf5501822d': 'SM2',
  // RFC 8410, section 3, and the names in PKCS #11.
  '06032b656e': 'X25519',
  '06032b656f': 'X448',
  '06032b6570': 'Ed25519',
  '06032b6571': 'Ed448',
  [printable('curve25519')]: 'X25519',
  [printable('curve448')]: 'X448',
  [printable('edwards25519')]: 'Ed25519',
  [printable('edwards448')]: 'Ed448',
};

/** The name of the curve with this `CKA_EC_PARAMS`; undefined if unknown. */
export function curveName(parameters: Buffer): string | undefined {
  return curveByParameters(parameters)?.name ?? OTHER_CURVES[parameters.toString('hex')];
}

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
  const kind = keyKind(key).name;
  const curve = CURVES.find(({ name }) => kind === `EC ${name}`);
  if (curve !== undefined) return curve;
  throw new CredentialHelperError(`the key is ${kind}, which AWS IoT does not support`, {
    code: 'ERR_PRIVATE_KEY_INVALID',
    hint: KEY_KIND_HINT,
  });
}

/** The coordinates in a `CKA_EC_POINT`, with or without the enclosing OCTET STRING: tokens differ. */
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

/** The DER encoding of a PrintableString, in hexadecimal digits. */
function printable(text: string): string {
  return Buffer.concat([Buffer.of(0x13, text.length), Buffer.from(text)]).toString('hex');
}
