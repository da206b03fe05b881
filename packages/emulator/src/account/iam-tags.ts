import type { Tag } from '../state/records.ts';
import { getRole, type OperationContext } from './context.ts';
import { getManagedPolicy } from './managed-policies.ts';
import {
  POLICY_TAGS,
  ROLE_TAGS,
  sortedTags,
  type TagInput,
  withoutTags,
  withTags,
} from './tags.ts';

/** Operations of IAM on tags. Keys that differ only in case are equal. */
export interface IamTagOperations {
  /**
   * Adds tags to a role; they replace those with the same key.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` for invalid tags, `InvalidInput` for equal or
   * reserved keys, `LimitExceeded` for more than 50
   */
  tagRole(input: {
    roleName: string;
    /** The members have AWS's names. */
    tags: TagInput;
  }): void;
  /**
   * Removes tags from a role.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` or `InvalidInput` for an invalid key
   */
  untagRole(input: { roleName: string; tagKeys: readonly string[] }): void;
  /**
   * Returns the tags of a role, sorted by key.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`
   */
  listRoleTags(input: { roleName: string }): readonly Tag[];
  /**
   * Adds tags to a managed policy; they replace those with the same key.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` for invalid tags, `InvalidInput` for equal or
   * reserved keys, `LimitExceeded` for more than 50
   */
  tagPolicy(input: {
    policyArn: string;
    /** The members have AWS's names. */
    tags: TagInput;
  }): void;
  /**
   * Removes tags from a managed policy.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`, `ValidationError` or `InvalidInput` for an invalid key
   */
  untagPolicy(input: { policyArn: string; tagKeys: readonly string[] }): void;
  /**
   * Returns the tags of a managed policy, sorted by key.
   *
   * @throws {@link EmulatorError} `NoSuchEntity`
   */
  listPolicyTags(input: { policyArn: string }): readonly Tag[];
}

/** The operations on tags over the stored state. */
export function iamTagOperations({ store }: OperationContext): IamTagOperations {
  const { state } = store;
  return {
    tagRole({ roleName, tags }) {
      const role = getRole(state, roleName);
      store.put('roles', roleName, { ...role, tags: withTags(ROLE_TAGS, role.tags, tags) });
    },
    untagRole({ roleName, tagKeys }) {
      const role = getRole(state, roleName);
      store.put('roles', roleName, { ...role, tags: withoutTags(ROLE_TAGS, role.tags, tagKeys) });
    },
    listRoleTags: ({ roleName }) => sortedTags(getRole(state, roleName).tags),
    tagPolicy({ policyArn, tags: added }) {
      const policy = getManagedPolicy(state, policyArn);
      const tags = withTags(POLICY_TAGS, policy.tags, added);
      store.put('managedPolicies', policyArn, { ...policy, tags });
    },
    untagPolicy({ policyArn, tagKeys }) {
      const policy = getManagedPolicy(state, policyArn);
      const tags = withoutTags(POLICY_TAGS, policy.tags, tagKeys);
      store.put('managedPolicies', policyArn, { ...policy, tags });
    },
    listPolicyTags: ({ policyArn }) => sortedTags(getManagedPolicy(state, policyArn).tags),
  };
}
