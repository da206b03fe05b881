import type { Store } from '../state/store.ts';
import { type AuthorityOperations, authorityOperations } from './authorities.ts';
import { type CertificateOperations, certificateOperations } from './certificates.ts';
import { type IamTagOperations, iamTagOperations } from './iam-tags.ts';
import { type IotTagOperations, iotTagOperations } from './iot-tags.ts';
import { type ManagedPolicyOperations, managedPolicyOperations } from './managed-policies.ts';
import { type PolicyOperations, policyOperations } from './policies.ts';
import { type RoleAliasOperations, roleAliasOperations } from './role-aliases.ts';
import { openRoleUses, type RoleUses } from './role-uses.ts';
import { type RoleOperations, roleOperations } from './roles.ts';
import { type ThingGroupOperations, thingGroupOperations } from './thing-groups.ts';
import { type ThingMembershipOperations, thingMembershipOperations } from './thing-memberships.ts';
import { type ThingPrincipalOperations, thingPrincipalOperations } from './thing-principals.ts';
import { type ThingTypeOperations, thingTypeOperations } from './thing-types.ts';
import { type ThingOperations, thingOperations } from './things.ts';

/**
 * AWS IoT: things, thing groups, certificates, policies and role aliases. The methods have the names of AWS's
 * operations, and throw an {@link EmulatorError} whose `code` is AWS's name for the error; one that changes something,
 * also `ServiceUnavailableException` if the change cannot be written to the folder.
 */
export interface Iot
  extends ThingOperations,
    ThingTypeOperations,
    ThingGroupOperations,
    ThingMembershipOperations,
    ThingPrincipalOperations,
    CertificateOperations,
    AuthorityOperations,
    PolicyOperations,
    RoleAliasOperations,
    IotTagOperations {}

/**
 * IAM: roles and managed policies. The methods have the names of AWS's operations, and throw an {@link EmulatorError}
 * whose `code` is AWS's name for the error; one that changes something, also `ServiceUnavailableException` if the
 * change cannot be written to the folder.
 */
export interface Iam extends RoleOperations, ManagedPolicyOperations, IamTagOperations {}

/** An AWS account in one region: its id and its operations. */
export interface Account {
  /** Twelve digits. */
  readonly accountId: string;
  /** The AWS region. */
  readonly region: string;
  /** The operations of AWS IoT. */
  readonly iot: Iot;
  /** The operations of IAM. */
  readonly iam: Iam;
  /** Records that credentials of a role were issued. */
  readonly useRole: RoleUses['use'];
}

/** The operations of an account over its stored state. Each change is stored before the operation returns. */
export function openAccount(store: Store, now: () => number): Account {
  const { accountId, region } = store.state;
  const context = { store, now };
  const roleUses = openRoleUses(context);
  return {
    accountId,
    region,
    iot: {
      ...thingOperations(context),
      ...thingTypeOperations(context),
      ...thingGroupOperations(context),
      ...thingMembershipOperations(context),
      ...thingPrincipalOperations(context),
      ...certificateOperations(context),
      ...authorityOperations(context),
      ...policyOperations(context),
      ...roleAliasOperations(context),
      ...iotTagOperations(context),
    },
    iam: {
      ...roleOperations(context, roleUses),
      ...managedPolicyOperations(context),
      ...iamTagOperations(context),
    },
    useRole: roleUses.use,
  };
}
