import type { KeyObject } from 'node:crypto';

/** The type of a key. */
export interface KeyKind {
  /** As every message writes it: `RSA 2048`, `EC P-256`, `Ed25519`. */
  readonly name: string;
  /** Whether AWS IoT supports keys of this type for TLS client authentication; see {@link ACCEPTED_KEYS}. */
  readonly accepted: boolean;
}

/** The keys that AWS IoT supports (AWS IoT Core Developer Guide, "X.509 client certificates"). */
export const ACCEPTED_KEYS = 'RSA 2048 or larger, EC P-256, P-384 or P-521';

/** What to do about a key of another type. */
export const KEY_KIND_HINT = `AWS IoT supports ${ACCEPTED_KEYS}: generate a new key and have a certificate issued for it`;

const MIN_RSA_BITS = 2048;

const ACCEPTED_CURVES: readonly string[] = ['P-256', 'P-384', 'P-521'];

/** NIST's names of curves (FIPS 186-5) by their names in runtimes. */
const NIST_CURVES: Readonly<Record<string, string>> = {
  prime192v1: 'P-192',
  secp224r1: 'P-224',
  prime256v1: 'P-256',
  p256: 'P-256',
  secp384r1: 'P-384',
  p384: 'P-384',
  secp521r1: 'P-521',
  p521: 'P-521',
};

/** Names of the key types without a size. */
const TYPES: Readonly<Record<string, string>> = {
  ed25519: 'Ed25519',
  ed448: 'Ed448',
  x25519: 'X25519',
  x448: 'X448',
};

/** The type of a private or public key. */
export function keyKind({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): KeyKind {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  if (type === 'rsa') return rsaKind(modulusLength);
  if (type === 'ec') return ecKind(namedCurve);
  if (type === undefined) return { name: 'of an unknown type', accepted: false };
  const name = TYPES[type] ?? type.toUpperCase();
  return { name: modulusLength ? `${name} ${modulusLength}` : name, accepted: false };
}

/** The type of an RSA key; an unknown size counts as accepted. */
export function rsaKind(bits: number | undefined): KeyKind {
  return {
    name: bits === undefined ? 'RSA' : `RSA ${bits}`,
    accepted: bits === undefined || bits >= MIN_RSA_BITS,
  };
}

/**
 * The type of an EC key; an unknown curve counts as accepted.
 *
 * @param curve - the name of the curve, of NIST or OpenSSL
 */
export function ecKind(curve: string | undefined): KeyKind {
  if (curve === undefined) return { name: 'EC', accepted: true };
  const name = NIST_CURVES[curve] ?? curve;
  return { name: `EC ${name}`, accepted: ACCEPTED_CURVES.includes(name) };
}
