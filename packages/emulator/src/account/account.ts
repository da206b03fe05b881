import { roleArn as makeRoleArn, roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import type { KeyType } from '../pki/pki.ts';
import { lookUp } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { type AuthorityOperations, authorityOperations } from './authorities.ts';
import { type CertificateOperations, certificateOperations } from './certificates.ts';
import { present } from './context.ts';
import { type ManagedPolicyOperations, managedPolicyOperations } from './managed-policies.ts';
import { type PolicyOperations, policyOperations } from './policies.ts';
import { type RoleAliasOperations, roleAliasOperations } from './role-aliases.ts';
import { type RoleOperations, roleOperations } from './roles.ts';
import { type ThingGroupOperations, thingGroupOperations } from './thing-groups.ts';
import { type ThingOperations, thingOperations } from './things.ts';

/** What {@link Account.seed} made. */
export interface Seed {
  readonly thingName: string;
  readonly roleAlias: string;
  readonly roleName: string;
  readonly roleArn: string;
  readonly policyName: string;
  readonly certificateId: string;
  readonly certificateArn: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/**
 * The account that the emulator stands in for. Its methods are named after the operations of AWS IoT and IAM, and throw
 * an {@link EmulatorError} whose `code` is AWS's name for the error.
 */
export interface Account
  extends ThingOperations,
    ThingGroupOperations,
    CertificateOperations,
    AuthorityOperations,
    PolicyOperations,
    RoleAliasOperations,
    RoleOperations,
    ManagedPolicyOperations {
  /**
   * Makes everything one thing needs to get credentials: role, role alias and policy, unless they are there, and thing
   * and certificate.
   */
  seed(input: { thingName: string; roleAlias: string; keyType?: KeyType }): Promise<Seed>;
}

/** The operations of an account over its stored state. Each change is kept before the operation returns. */
export function openAccount(store: Store, now: () => number): Account {
  const { state } = store;
  const context = { store, now };
  const account: Account = {
    ...thingOperations(context),
    ...thingGroupOperations(context),
    ...certificateOperations(context),
    ...authorityOperations(context),
    ...policyOperations(context),
    ...roleAliasOperations(context),
    ...roleOperations(context),
    ...managedPolicyOperations(context),
    async seed({ thingName, roleAlias, keyType = 'RSA-2048' }) {
      checkName('thing name', thingName);
      checkName('role alias', roleAlias);
      if (lookUp(state.things, thingName)) throw present(`thing ${thingName}`);
      const names = seedNames(roleAlias);
      const roleArn = makeRoleArn(state, names.roleName);
      const issued = await account.createKeysAndCertificate({ setAsActive: true, keyType });
      store.batch(() => {
        if (!lookUp(state.roles, names.roleName)) {
          account.createRole({ roleName: names.roleName, assumeRolePolicyDocument: TRUST_POLICY });
        }
        if (!lookUp(state.roleAliases, roleAlias)) account.createRoleAlias({ roleAlias, roleArn });
        if (!lookUp(state.policies, names.policyName)) {
          const policyDocument = allowAlias(roleAliasArn(state, roleAlias));
          account.createPolicy({ policyName: names.policyName, policyDocument });
        }
        account.createThing({ thingName });
        account.attachThingPrincipal({ thingName, principal: issued.certificateArn });
        account.attachPolicy({ policyName: names.policyName, target: issued.certificateArn });
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
    },
  };
  return account;
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
