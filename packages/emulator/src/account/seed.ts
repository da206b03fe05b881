import { roleArn as makeRoleArn, roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { issueDeviceCertificate } from '../pki/device-certificates.ts';
import type { KeyType } from '../pki/keys.ts';
import { CREDENTIALS_TRUST_POLICY, roleAliasPolicy } from '../policy/device-policies.ts';
import type { DeviceFiles } from '../state/device-files.ts';
import { lookUp } from '../state/look-up.ts';
import type { Store } from '../state/store.ts';
import type { Account } from './account.ts';
import { checkSeconds } from './context.ts';
import { LEAST_SECONDS } from './role-aliases.ts';
import { checkFree, freeThingName, seedNames, type Wanted } from './seed-names.ts';

/** The input of `seed`. */
export interface SeedInput {
  /**
   * The name of the new thing. 1 to 128 characters: letters, digits, `:`, `_` and `-`. Default: `my-thing`, or the
   * first of `my-thing-2`, `my-thing-3`, … that does not exist.
   */
  readonly thingName?: string | undefined;
  /**
   * The role alias, which is created if it does not exist. 1 to 128 characters: letters, digits and `_=,@-`. Default
   * `my-alias`.
   */
  readonly roleAlias?: string | undefined;
  /** The type of the device's key. Default `RSA-2048`, as in AWS IoT. */
  readonly keyType?: KeyType | undefined;
  /**
   * How long credentials for the role alias are valid, in seconds: 900 to 43 200. Above an hour, the role that is
   * created also allows such sessions. Default: that of a role alias that exists, otherwise 3600.
   */
  readonly durationSeconds?: number | undefined;
}

/** The result of `seed`: everything that a device needs, and the names of the other resources. */
export interface Seed {
  /** The name of the thing. */
  readonly thingName: string;
  /** The name of the role alias. */
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

/** What `seed` created, without the text of certificate and key. */
export type SeedSummary = Omit<Seed, 'certificatePem' | 'privateKeyPem'>;

/** Leaves out the text of certificate and key, which are in files. */
export function summaryOf({ certificatePem: _, privateKeyPem: __, ...summary }: Seed): SeedSummary {
  return summary;
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
 * @param openFiles - opens the files that its certificate and key are also written to, if any
 * @throws {@link EmulatorError} (as a rejection) `InvalidRequestException` for an invalid name, key type or duration,
 * `ResourceAlreadyExistsException` for a thing that exists, or a role alias with another duration; errors of the files
 */
export async function seed(
  { store, account, now }: SeedContext,
  input: SeedInput = {},
  openFiles?: (thingName: string) => DeviceFiles,
): Promise<Seed> {
  const { state } = store;
  const { roleAlias = 'my-alias', keyType = 'RSA-2048', durationSeconds } = input;
  const { thingName = freeThingName(state) } = input;
  checkName('thing name', thingName);
  checkName('role alias', roleAlias);
  if (durationSeconds !== undefined) {
    checkSeconds('durationSeconds', durationSeconds, LEAST_SECONDS, 'InvalidRequestException');
  }
  const files = openFiles?.(thingName);
  const prepare = () => {
    files?.prepare((prefix) => Object.keys(state.certificates).some((id) => id.startsWith(prefix)));
    checkFree(state, { thingName, roleAlias, durationSeconds });
  };
  prepare();
  const issued = await issueDeviceCertificate(state.pki.deviceCa, keyType, now());
  // Another one may have been faster.
  prepare();
  const { certificatePem, privateKeyPem } = issued;
  const device = { thingName, roleAlias, durationSeconds, certificatePem };
  let created: ReturnType<typeof createResources>;
  try {
    created = store.batch(() => {
      const resources = createResources(store, account, device);
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
  device: Wanted & { readonly certificatePem: string },
): Omit<Seed, 'thingName' | 'roleAlias' | 'certificatePem' | 'privateKeyPem'> {
  const { thingName, roleAlias, durationSeconds, certificatePem } = device;
  const { roleName, policyName } = seedNames(roleAlias);
  const roleArn = makeRoleArn(state, roleName);
  if (!lookUp(state.roles, roleName)) {
    iam.createRole({
      roleName,
      assumeRolePolicyDocument: CREDENTIALS_TRUST_POLICY,
      maxSessionDuration: durationSeconds && Math.max(durationSeconds, HOUR_SECONDS),
    });
  }
  if (!lookUp(state.roleAliases, roleAlias)) {
    iot.createRoleAlias({ roleAlias, roleArn, credentialDurationSeconds: durationSeconds });
  }
  if (!lookUp(state.policies, policyName)) {
    const policyDocument = roleAliasPolicy(roleAliasArn(state, roleAlias));
    iot.createPolicy({ policyName, policyDocument });
  }
  iot.createThing({ thingName });
  const registered = iot.registerCertificateWithoutCA({ certificatePem, status: 'ACTIVE' });
  const { certificateArn } = registered;
  iot.attachThingPrincipal({ thingName, principal: certificateArn });
  iot.attachPolicy({ policyName, target: certificateArn });
  return { roleName, roleArn, policyName, ...registered };
}

/** IAM allows no shorter maximum. */
const HOUR_SECONDS = 3600;
