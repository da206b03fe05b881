import type { EmulatorError } from '../errors.ts';
import { roleArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeIamId } from '../names/ids.ts';
import { partitionOf } from '../names/partitions.ts';
import { documentSize } from '../policy/grammar.ts';
import { checkIdentityPolicy } from '../policy/identity-policy.ts';
import { checkTrustPolicy } from '../policy/trust-policy.ts';
import { isRoleNameTaken, lookUp } from '../state/look-up.ts';
import type { Role } from '../state/records.ts';
import { awsError, checkSeconds, getRole, type OperationContext, quotaError } from './context.ts';
import { nameById } from './former-roles.ts';
import { principalsOf } from './principals.ts';
import type { RoleUses } from './role-uses.ts';
import { ROLE_TAGS, type TagInput, taggedWith } from './tags.ts';

/** Operations of IAM on roles. */
export interface RoleOperations {
  /**
   * Creates a role.
   *
   * @throws {@link EmulatorError} `ValidationError` for a name or a duration that is not valid,
   * `MalformedPolicyDocument`, `LimitExceeded` for a trust policy that is too long, `EntityAlreadyExists`, also for a
   * name that differs in case only
   */
  createRole(input: {
    /** 1 to 64 characters: letters, digits and `_+=,.@-`. */
    roleName: string;
    /** The trust policy, as JSON text of at most 2048 characters, not counting white space. */
    assumeRolePolicyDocument: string;
    /** Maximum session duration, in seconds: 3600 to 43200. Default 3600. */
    maxSessionDuration?: number | undefined;
    /** Begins and ends with `/`. Default `/`. */
    path?: string | undefined;
    /** Default: none. */
    description?: string | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): { roleName: string; roleArn: string; roleId: string };
  /**
   * Returns a role.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`
   */
  getRole(input: { roleName: string }): Role & {
    readonly roleArn: string;
    /**
     * When credentials of the role were last issued, in epoch milliseconds; undefined if never. After a restart it can be
     * a minute early.
     */
    readonly lastUsedMs: number | undefined;
  };
  /** Returns all roles, in the order of their creation. */
  listRoles(): readonly Role[];
  /**
   * Changes a role. Omitted members are unchanged.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` for a duration that is not valid
   */
  updateRole(input: {
    roleName: string;
    /** Maximum session duration, in seconds: 3600 to 43200. */
    maxSessionDuration?: number | undefined;
    description?: string | undefined;
  }): void;
  /**
   * Replaces the trust policy of a role.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `MalformedPolicyDocument`, `LimitExceeded`
   */
  updateAssumeRolePolicy(input: {
    roleName: string;
    /** JSON text of at most 2048 characters, not counting white space. */
    policyDocument: string;
  }): void;
  /**
   * Deletes a role. Trust policies that name it have its id from then on: they do not trust a new role of that name.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `DeleteConflict` while it has policies
   */
  deleteRole(input: { roleName: string }): void;
  /**
   * Adds or replaces an inline policy of a role.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` for a name that is not valid,
   * `MalformedPolicyDocument`, `LimitExceeded`
   */
  putRolePolicy(input: {
    roleName: string;
    /** 1 to 128 characters: letters, digits and `_+=,.@-`. */
    policyName: string;
    /** JSON text. All inline policies of a role: at most 10240 characters, not counting white space. */
    policyDocument: string;
  }): void;
  /**
   * Returns the document of an inline policy, as JSON text.
   *
   * @throws {@link EmulatorError} `NoSuchEntity` for a role or a policy that does not exist
   */
  getRolePolicy(input: { roleName: string; policyName: string }): string;
  /**
   * Deletes an inline policy.
   *
   * @throws {@link EmulatorError} `NoSuchEntity` for a role or a policy that does not exist
   */
  deleteRolePolicy(input: { roleName: string; policyName: string }): void;
}

const DEFAULT_SECONDS = 3600;
const MAX_TRUST_POLICY = 2048;
const MAX_INLINE_POLICIES = 10_240;

/** The operations on roles over the stored state. */
export function roleOperations(context: OperationContext, uses: RoleUses): RoleOperations {
  const { store, now } = context;
  const { state } = store;
  const get = (name: string) => getRole(state, name);
  const check = (seconds: number) =>
    checkSeconds('maxSessionDuration', seconds, DEFAULT_SECONDS, 'ValidationError');
  const checkTrust = (document: string) => {
    if (documentSize(document) > MAX_TRUST_POLICY) {
      throw quotaError('ACLSizePerRole', MAX_TRUST_POLICY);
    }
    checkTrustPolicy(document, principalsOf(state));
  };

  return {
    createRole(input) {
      const { roleName, assumeRolePolicyDocument, maxSessionDuration = DEFAULT_SECONDS } = input;
      const { path = '/', description, tags } = input;
      checkName('role name', roleName, 'ValidationError');
      if (isRoleNameTaken(state, roleName)) {
        throw awsError('EntityAlreadyExists', `Role with name ${roleName} already exists.`);
      }
      checkTrust(assumeRolePolicyDocument);
      check(maxSessionDuration);
      const roleId = makeIamId('AROA');
      store.put('roles', roleName, {
        roleName,
        roleId,
        path,
        ...(description !== undefined && { description }),
        assumeRolePolicyDocument,
        maxSessionDuration,
        policies: {},
        attachedPolicyArns: [],
        ...taggedWith(ROLE_TAGS, tags),
        creationMs: now(),
      });
      return { roleName, roleId, roleArn: roleArn(state, roleName, path) };
    },
    getRole({ roleName }) {
      const role = get(roleName);
      return {
        ...role,
        roleArn: roleArn(state, roleName, role.path),
        lastUsedMs: uses.lastUsedMs(role),
      };
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
      checkTrust(policyDocument);
      store.put('roles', roleName, { ...role, assumeRolePolicyDocument: policyDocument });
    },
    deleteRole({ roleName }) {
      const role = get(roleName);
      const { policies, attachedPolicyArns } = role;
      if (Object.keys(policies).length > 0) {
        throw awsError('DeleteConflict', 'Cannot delete entity, must delete policies first.');
      }
      if (attachedPolicyArns.length > 0) {
        throw awsError('DeleteConflict', 'Cannot delete entity, must detach all policies first.');
      }
      store.batch(() => {
        uses.forget(role);
        store.remove('roles', roleName);
        nameById(context, role);
      });
    },
    putRolePolicy({ roleName, policyName, policyDocument }) {
      const role = get(roleName);
      checkName('policy name', policyName, 'ValidationError');
      const policies = { ...role.policies, [policyName]: policyDocument };
      if (documentSize(Object.values(policies).join('')) > MAX_INLINE_POLICIES) {
        throw awsError(
          'LimitExceeded',
          `Maximum policy size of ${MAX_INLINE_POLICIES} bytes exceeded for role ${roleName}`,
        );
      }
      const partition = partitionOf(state.region).name;
      checkIdentityPolicy(policyDocument, { isManaged: false, partition });
      store.put('roles', roleName, { ...role, policies });
    },
    getRolePolicy({ roleName, policyName }) {
      const document = lookUp(get(roleName).policies, policyName);
      if (document === undefined) throw noPolicy(policyName);
      return document;
    },
    deleteRolePolicy({ roleName, policyName }) {
      const role = get(roleName);
      const policies = new Map(Object.entries(role.policies));
      if (!policies.delete(policyName)) throw noPolicy(policyName);
      store.put('roles', roleName, { ...role, policies: Object.fromEntries(policies) });
    },
  };
}

function noPolicy(policyName: string): EmulatorError {
  return awsError('NoSuchEntity', `The role policy with name ${policyName} cannot be found.`);
}
