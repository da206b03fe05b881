import { type KeyObject, randomBytes } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import type { MechanismName, Template } from '../pkcs11/pkcs11.ts';
import { returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { curveByName } from './curves.ts';
import { findPrivateKey, type PrivateKeyInToken } from './find-key.ts';
import { assertNameIsFree } from './free-name.ts';
import {
  type KeyName,
  makeSigningKey,
  privateKeyRules,
  publicKeyRules,
  readPublicKey,
} from './key-objects.ts';
import { destroyObjects } from './objects.ts';
import type { TokenSession } from './session.ts';

/** The types of key pairs that can be generated. */
export const KEY_TYPES = ['p256', 'p384', 'rsa2048', 'rsa3072', 'rsa4096'] as const;

/** One of {@link KEY_TYPES}. */
export type KeyType = (typeof KEY_TYPES)[number];

/** The key pair to generate. */
export interface GenerateRequest {
  readonly keyType: KeyType;
  readonly label: string;
  /** Default: 16 random bytes. It cannot be derived from the key, which does not exist yet. */
  readonly id?: Buffer | undefined;
}

/** A key pair that a token generated. */
export interface Generated {
  readonly key: PrivateKeyInToken;
  readonly publicKey: KeyObject;
  readonly name: KeyName;
  /** Whether the token accepted the attributes that restrict the key to signing. */
  readonly signsOnly: boolean;
}

const ID_BYTES = 16;

const CURVES = { p256: curveByName('P-256'), p384: curveByName('P-384') };

/** 65537, the common exponent. */
const PUBLIC_EXPONENT = Buffer.of(1, 0, 1);

/**
 * Generates a non-extractable signing key pair in a token, and passes it to `use`. If that fails, the key pair is
 * deleted.
 *
 * @param session - a read/write session
 * @throws {@link CredentialHelperError} `ERR_OBJECT_EXISTS` before anything is created; `ERR_PKCS11`
 */
export function generateKey<T>(
  session: TokenSession,
  { keyType, label, id = randomBytes(ID_BYTES) }: GenerateRequest,
  use: (generated: Generated) => T,
): T {
  const { pkcs11, handle, context } = session;
  const name = { label, id };
  assertNameIsFree(session, name);
  const { mechanism, parameters } = recipe(keyType);
  const make = (restrictions: Template) =>
    withContext(context, () =>
      pkcs11.generateKeyPair(
        handle,
        mechanism,
        { ...publicKeyRules(name), ...parameters },
        { ...privateKeyRules(name), ...restrictions },
      ),
    );
  const { made: pair, signsOnly } = orRefused(keyType, () => makeSigningKey(make));
  try {
    const publicKey = readPublicKey(session, pair.publicKey);
    if (publicKey === undefined) {
      throw new CredentialHelperError(
        `${context.token} generated a key pair and does not return its public key`,
        { code: 'ERR_PKCS11', hint: 'the key pair was deleted' },
      );
    }
    const key = findPrivateKey(session, { object: label, id });
    return use({ key, publicKey, name, signsOnly });
  } catch (error) {
    destroyObjects(session, [pair.publicKey, pair.privateKey]);
    throw error;
  }
}

// Return values of tokens that cannot generate keys, or none of this type.
const REFUSALS = [
  ...['CKR_MECHANISM_INVALID', 'CKR_FUNCTION_NOT_SUPPORTED', 'CKR_KEY_SIZE_RANGE'],
  ...['CKR_CURVE_NOT_SUPPORTED', 'CKR_DOMAIN_PARAMS_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID'],
  ...['CKR_TEMPLATE_INCONSISTENT', 'CKR_MECHANISM_PARAM_INVALID'],
];

function orRefused<T>(keyType: KeyType, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!REFUSALS.includes(returnValueOf(error) ?? '')) throw error;
    const others = KEY_TYPES.filter((type) => type !== keyType);
    throw new CredentialHelperError(
      `the token cannot generate a key of type ${keyType}: ${(error as Error).message}`,
      { code: 'ERR_PKCS11', cause: error, hint: `try another type: ${others.join(', ')}` },
    );
  }
}

function recipe(keyType: KeyType): { mechanism: MechanismName; parameters: Template } {
  const curve = keyType === 'p256' || keyType === 'p384' ? CURVES[keyType] : undefined;
  if (curve !== undefined) {
    return { mechanism: 'CKM_EC_KEY_PAIR_GEN', parameters: { CKA_EC_PARAMS: curve.parameters } };
  }
  return {
    mechanism: 'CKM_RSA_PKCS_KEY_PAIR_GEN',
    parameters: {
      CKA_MODULUS_BITS: Number(keyType.slice('rsa'.length)),
      CKA_PUBLIC_EXPONENT: PUBLIC_EXPONENT,
    },
  };
}
