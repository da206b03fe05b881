import { iotArn, roleArn as makeRoleArn, roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { issueDeviceCertificate } from '../pki/device-certificates.ts';
import type { KeyType } from '../pki/keys.ts';
import type { DeviceFiles } from '../state/device-files.ts';
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

/** The dependencies of `seed`. */
export interface SeedContext {
  readonly store: Store;
  readonly account: Account;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Creates everything that a thing needs to get credentials: thing and certificate, and role, role alias and policy,
 * unless they exist. All is created, or nothing.
 *
 * @param files - where its certificate and key are also written to, if anywhere
 * @throws {@link EmulatorError} (as a rejection) `InvalidRequestException` for an invalid name or key type,
 * `ResourceAlreadyExistsException` for a thing that exists, errors of the files
 */
export async function seed(
  { store, account, now }: SeedContext,
  { thingName, roleAlias, keyType = 'RSA-2048' }: SeedInput,
  files?: DeviceFiles,
): Promise<Seed> {
  const { state } = store;
  checkName('thing name', thingName);
  checkName('role alias', roleAlias);
  const prepare = () => {
    files?.prepare((prefix) => Object.keys(state.certificates).some((id) => id.startsWith(prefix)));
    const existing = lookUp(state.things, thingName);
    if (existing === undefined) return;
    throw alreadyExistsError(`thing ${thingName} already exists`, {
      resourceArn: iotArn(state, `thing/${thingName}`),
      resourceId: existing.thingId,
    });
  };
  prepare();
  const issued = await issueDeviceCertificate(state.pki.deviceCa, keyType, now());
  // Another one may have been faster.
  prepare();
  const { certificatePem, privateKeyPem } = issued;
  let created: ReturnType<typeof createResources>;
  try {
    created = store.batch(() => {
      const resources = createResources(store, account, { thingName, roleAlias, certificatePem });
      files?.write({ ...resources, certificatePem, privateKeyPem });
      return resources;
    });
  } catch (error) {
    files?.undo();
    throw error;
  }
  files?.finish();
  return { thingName, roleAlias, ...created, certificatePem, privateKeyPem };
}

function createResources(
  { state }: Store,
  { iot, iam }: Account,
  device: {
    readonly thingName: string;
    readonly roleAlias: string;
    readonly certificatePem: string;
  },
): Omit<Seed, 'thingName' | 'roleAlias' | 'certificatePem' | 'privateKeyPem'> {
  const { thingName, roleAlias, certificatePem } = device;
  const { roleName, policyName } = seedNames(roleAlias);
  const roleArn = makeRoleArn(state, roleName);
  if (!lookUp(state.roles, roleName)) {
    iam.createRole({ roleName, assumeRolePolicyDocument: TRUST_POLICY });
  }
  if (!lookUp(state.roleAliases, roleAlias)) iot.createRoleAlias({ roleAlias, roleArn });
  if (!lookUp(state.policies, policyName)) {
    const policyDocument = allowAlias(roleAliasArn(state, roleAlias));
    iot.createPolicy({ policyName, policyDocument });
  }
  iot.createThing({ thingName });
  const registered = iot.registerCertificateWithoutCA({ certificatePem, status: 'ACTIVE' });
  const { certificateArn } = registered;
  iot.attachThingPrincipal({ thingName, principal: certificateArn });
  iot.attachPolicy({ policyName, target: certificateArn });
  return { roleName, roleArn, policyName, ...registered };
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
