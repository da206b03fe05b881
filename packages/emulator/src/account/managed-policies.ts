import { iamArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { checkRolePolicy } from '../policy/document.ts';
import { lookUp, type ManagedPolicy, makeIamId } from '../state/state.ts';
import { failure, getRole, type OperationContext, withItem, withoutItem } from './context.ts';

/**
 * Operations of IAM on policies that can be attached to several roles: `CreatePolicy`, `GetPolicy` and `DeletePolicy`
 * there. They are kept, not evaluated. Those that AWS manages (`arn:aws:iam::aws:policy/…`) can be attached, all of them.
 */
export interface ManagedPolicyOperations {
  createManagedPolicy(input: {
    policyName: string;
    policyDocument: string;
    /** Default `/`. */
    path?: string | undefined;
    description?: string | undefined;
  }): ManagedPolicy;
  getManagedPolicy(input: { policyArn: string }): ManagedPolicy & {
    /** How many roles it is attached to. */
    readonly attachmentCount: number;
  };
  deleteManagedPolicy(input: { policyArn: string }): void;
  attachRolePolicy(input: { roleName: string; policyArn: string }): void;
  detachRolePolicy(input: { roleName: string; policyArn: string }): void;
}

const MANAGED_BY_AWS = /^arn:aws:iam::aws:policy\/[\w+=,.@/-]+$/;

/** The operations on managed policies over the stored state. */
export function managedPolicyOperations({ store, now }: OperationContext): ManagedPolicyOperations {
  const { state } = store;
  const get = (policyArn: string) => {
    const policy = lookUp(state.managedPolicies, policyArn);
    if (policy === undefined) {
      throw failure('NoSuchEntity', `Policy ${policyArn} does not exist or is not attachable.`);
    }
    return policy;
  };
  const attachmentCount = (policyArn: string) =>
    Object.values(state.roles).filter(({ attachedPolicyArns = [] }) =>
      attachedPolicyArns.includes(policyArn),
    ).length;

  return {
    createManagedPolicy({ policyName, policyDocument, path = '/', description }) {
      checkName('policy name', policyName, 'ValidationError');
      checkRolePolicy(policyDocument);
      const policyArn = iamArn(state, `policy${path}${policyName}`);
      const isTaken = Object.values(state.managedPolicies).some(
        (policy) => policy.policyName === policyName,
      );
      if (isTaken) {
        throw failure('EntityAlreadyExists', `A policy called ${policyName} already exists.`);
      }
      const policy: ManagedPolicy = {
        policyArn,
        policyName,
        policyId: makeIamId('ANPA'),
        policyDocument,
        path,
        creationMs: now(),
        ...(description !== undefined && { description }),
      };
      store.put('managedPolicies', policyArn, policy);
      return policy;
    },
    getManagedPolicy({ policyArn }) {
      return { ...get(policyArn), attachmentCount: attachmentCount(policyArn) };
    },
    deleteManagedPolicy({ policyArn }) {
      get(policyArn);
      if (attachmentCount(policyArn) > 0) {
        throw failure('DeleteConflict', 'Cannot delete a policy attached to entities.');
      }
      store.remove('managedPolicies', policyArn);
    },
    attachRolePolicy({ roleName, policyArn }) {
      const role = getRole(state, roleName);
      if (!MANAGED_BY_AWS.test(policyArn)) get(policyArn);
      const attachedPolicyArns = withItem(role.attachedPolicyArns, policyArn);
      store.put('roles', roleName, { ...role, attachedPolicyArns });
    },
    detachRolePolicy({ roleName, policyArn }) {
      const role = getRole(state, roleName);
      const attachedPolicyArns = withoutItem(role.attachedPolicyArns, policyArn);
      if (attachedPolicyArns.length === (role.attachedPolicyArns ?? []).length) {
        throw failure('NoSuchEntity', `Policy ${policyArn} was not found.`);
      }
      store.put('roles', roleName, { ...role, attachedPolicyArns });
    },
  };
}
