import type { EmulatorError } from '../errors.ts';
import { roleArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { checkRolePolicy, checkTrustPolicy } from '../policy/document.ts';
import { lookUp, makeIamId, type Role } from '../state/state.ts';
import { checkSeconds, failure, getRole, type OperationContext } from './context.ts';

/** Operations of IAM on roles; their errors have IAM's names. */
export interface RoleOperations {
  createRole(input: {
    roleName: string;
    assumeRolePolicyDocument: string;
    /** In seconds, 3600 to 43200; default 3600. */
    maxSessionDuration?: number | undefined;
    /** Default `/`. */
    path?: string | undefined;
    description?: string | undefined;
  }): { roleName: string; roleArn: string; roleId: string };
  getRole(input: { roleName: string }): Role & { readonly roleArn: string };
  listRoles(): readonly Role[];
  updateRole(input: {
    roleName: string;
    maxSessionDuration?: number | undefined;
    description?: string | undefined;
  }): void;
  updateAssumeRolePolicy(input: { roleName: string; policyDocument: string }): void;
  deleteRole(input: { roleName: string }): void;
  /** The policy is kept, not evaluated. */
  putRolePolicy(input: { roleName: string; policyName: string; policyDocument: string }): void;
  /** The document of an inline policy. */
  getRolePolicy(input: { roleName: string; policyName: string }): string;
  deleteRolePolicy(input: { roleName: string; policyName: string }): void;
}

const DEFAULT_SECONDS = 3600;

/** The operations on roles over the stored state. */
export function roleOperations({ store, now }: OperationContext): RoleOperations {
  const { state } = store;
  const get = (name: string) => getRole(state, name);
  const check = (seconds: number) =>
    checkSeconds('maxSessionDuration', seconds, DEFAULT_SECONDS, 'ValidationError');

  return {
    createRole(input) {
      const { roleName, assumeRolePolicyDocument, maxSessionDuration = DEFAULT_SECONDS } = input;
      const { path = '/', description } = input;
      checkName('role name', roleName, 'ValidationError');
      if (lookUp(state.roles, roleName)) {
        throw failure('EntityAlreadyExists', `Role with name ${roleName} already exists.`);
      }
      checkTrustPolicy(assumeRolePolicyDocument);
      check(maxSessionDuration);
      const roleId = makeIamId('AROA');
      store.put('roles', roleName, {
        roleName,
        roleId,
        assumeRolePolicyDocument,
        maxSessionDuration,
        path,
        creationMs: now(),
        ...(description !== undefined && { description }),
      });
      return { roleName, roleId, roleArn: roleArn(state, roleName, path) };
    },
    getRole({ roleName }) {
      const role = get(roleName);
      return { ...role, roleArn: roleArn(state, roleName, role.path) };
    },
    listRoles() {
      return Object.values(state.roles);
    },
    updateRole({ roleName, maxSessionDuration, description }) {
      const role = get(roleName);
      const seconds = maxSessionDuration ?? role.maxSessionDuration;
      check(seconds);
      store.put('roles', roleName, {
        ...role,
        maxSessionDuration: seconds,
        ...(description !== undefined && { description }),
      });
    },
    updateAssumeRolePolicy({ roleName, policyDocument }) {
      const role = get(roleName);
      checkTrustPolicy(policyDocument);
      store.put('roles', roleName, { ...role, assumeRolePolicyDocument: policyDocument });
    },
    deleteRole({ roleName }) {
      const role = get(roleName);
      if (Object.keys(role.policies ?? {}).length > 0) {
        throw failure('DeleteConflict', 'Cannot delete entity, must delete policies first.');
      }
      if ((role.attachedPolicyArns ?? []).length > 0) {
        throw failure('DeleteConflict', 'Cannot delete entity, must detach all policies first.');
      }
      store.remove('roles', roleName);
    },
    putRolePolicy({ roleName, policyName, policyDocument }) {
      const role = get(roleName);
      checkName('policy name', policyName, 'ValidationError');
      checkRolePolicy(policyDocument);
      const policies = new Map(Object.entries(role.policies ?? {})).set(policyName, policyDocument);
      store.put('roles', roleName, { ...role, policies: Object.fromEntries(policies) });
    },
    getRolePolicy({ roleName, policyName }) {
      const document = lookUp(get(roleName).policies ?? {}, policyName);
      if (document === undefined) throw noPolicy(policyName);
      return document;
    },
    deleteRolePolicy({ roleName, policyName }) {
      const role = get(roleName);
      const policies = new Map(Object.entries(role.policies ?? {}));
      if (!policies.delete(policyName)) throw noPolicy(policyName);
      store.put('roles', roleName, { ...role, policies: Object.fromEntries(policies) });
    },
  };
}

function noPolicy(policyName: string): EmulatorError {
  return failure('NoSuchEntity', `The role policy with name ${policyName} cannot be found.`);
}
