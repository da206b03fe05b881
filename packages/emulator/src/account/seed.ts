import { iotArn, roleArn as makeRoleArn, roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import type { KeyType } from '../pki/keys.ts';
import { lookUp } from '../state/look-up.ts';
import type { Store } from '../state/store.ts';
import type { Account } from './account.ts';
import { alreadyExistsError } from './context.ts';

/** The input of `seed`. */
export interface SeedInput {
  /** The name of the new thing. 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
  readonly thingName: string;
  /** The role alias, which is created if it does not exist. 1 to 128 characters: letters, digits and `_=,@-`. */
  readonly roleAlias: string;
  /** The type of the device's key. Default `RSA-2048`, as in AWS IoT. */
  readonly keyType?: KeyType;
}

/** The result of `seed`: everything that a device needs, and the names of the other resources. */
export interface Seed {
  /** As in the input. */
  readonly thingName: string;
  /** As in the input. */
  readonly roleAlias: string;
  /** The role of the alias: the alias and `-role`, truncated to 64 characters. */
  readonly roleName: string;
  /** The ARN of the role. */
  readonly roleArn: string;
  /** The AWS IoT policy that allows the certificate to use the alias: the alias and `-policy`. */
  readonly policyName: string;
  /** The SHA-256 of the device certificate's DER encoding, as 64 hexadecimal digits. */
  readonly certificateId: string;
  /** The ARN of the device's certificate. */
  readonly certificateArn: string;
  /** The device's certificate, as PEM. */
  readonly certificatePem: string;
  /** The device's private key: PKCS#1 for RSA, SEC1 for EC, as PEM. */
  readonly privateKeyPem: string;
}

/**
 * Creates everything that a thing needs to get credentials: thing and certificate, and role, role alias and policy,
 * unless they exist.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an invalid name or key type,
 * `ResourceAlreadyExistsException` for a thing that exists
 */
export async function seed(
  { state, batch }: Store,
  { iot, iam }: Account,
  { thingName, roleAlias, keyType = 'RSA-2048' }: SeedInput,
): Promise<Seed> {
  checkName('thing name', thingName);
  checkName('role alias', roleAlias);
  const existing = lookUp(state.things, thingName);
  if (existing !== undefined) {
    throw alreadyExistsError(`thing ${thingName} already exists`, {
      resourceArn: iotArn(state, `thing/${thingName}`),
      resourceId: existing.thingId,
    });
  }
  const names = seedNames(roleAlias);
  const roleArn = makeRoleArn(state, names.roleName);
  const issued = await iot.createKeysAndCertificate({ setAsActive: true, keyType });
  batch(() => {
    if (!lookUp(state.roles, names.roleName)) {
      iam.createRole({ roleName: names.roleName, assumeRolePolicyDocument: TRUST_POLICY });
    }
    if (!lookUp(state.roleAliases, roleAlias)) iot.createRoleAlias({ roleAlias, roleArn });
    if (!lookUp(state.policies, names.policyName)) {
      const policyDocument = allowAlias(roleAliasArn(state, roleAlias));
      iot.createPolicy({ policyName: names.policyName, policyDocument });
    }
    iot.createThing({ thingName });
    iot.attachThingPrincipal({ thingName, principal: issued.certificateArn });
    iot.attachPolicy({ policyName: names.policyName, target: issued.certificateArn });
  });
  const { keyPair, ...certificate } = issued;
  return {
    thingName,
    roleAlias,
    roleArn,
    ...names,
    ...certificate,
    privateKeyPem: keyPair.PrivateKey,
  };
}

const TRUST_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'credentials.iot.amazonaws.com' },
    Action: 'sts:AssumeRole',
  },
});

function allowAlias(roleAliasArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: 'iot:AssumeRoleWithCertificate',
      Resource: roleAliasArn,
    },
  });
}

const MAX_ROLE_NAME = 64;
const MAX_POLICY_NAME = 128;

function seedNames(roleAlias: string): { roleName: string; policyName: string } {
  return {
    roleName: `${roleAlias.slice(0, MAX_ROLE_NAME - '-role'.length)}-role`,
    policyName: `${roleAlias.slice(0, MAX_POLICY_NAME - '-policy'.length)}-policy`,
  };
}
