import type { EmulatorError } from '../errors.ts';
import { type Arn, iamArn, parseArn } from '../names/arns.ts';
import { checkName, isSameIamName } from '../names/check-name.ts';
import { makeIamId } from '../names/ids.ts';
import { partitionOf } from '../names/partitions.ts';
import { documentSize } from '../policy/grammar.ts';
import { checkIdentityPolicy } from '../policy/identity-policy.ts';
import { lookUp } from '../state/look-up.ts';
import type { ManagedPolicy } from '../state/records.ts';
import type { State } from '../state/state.ts';
import {
  awsError,
  getRole,
  type OperationContext,
  quotaError,
  withItem,
  withoutItem,
} from './context.ts';
import { POLICY_TAGS, type TagInput, taggedWith } from './tags.ts';

/**
 * Operations of IAM on policies that can be attached to several roles. Any AWS managed policy
 * (`arn:aws:iam::aws:policy/…`, in the partition of the region) can be attached; one whose document the emulator does
 * not have grants nothing.
 */
export interface ManagedPolicyOperations {
  /**
   * Creates a managed policy.
   *
   * @throws {@link EmulatorError} `ValidationError` for a name that is not valid, `MalformedPolicyDocument`,
   * `LimitExceeded`, `InvalidInput` for equal or reserved tag keys, `EntityAlreadyExists`, also for a name that differs in case only
   */
  createPolicy(input: {
    /** 1 to 128 characters: letters, digits and `_+=,.@-`. */
    policyName: string;
    /** JSON text of at most 6144 characters, not counting white space. */
    policyDocument: string;
    /** Begins and ends with `/`. Default `/`. */
    path?: string | undefined;
    /** Default: none. */
    description?: string | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): ManagedPolicy;
  /**
   * Returns a managed policy of the account.
   *
   * @throws {@link EmulatorError} `ValidationError` for an ARN that is not one of a policy, `NoSuchEntity`
   */
  getPolicy(input: { policyArn: string }): ManagedPolicy & {
    /** How many roles it is attached to. */
    readonly attachmentCount: number;
  };
  /**
   * Deletes a managed policy.
   *
   * @throws {@link EmulatorError} `ValidationError` for an ARN that is not one of a policy, `NoSuchEntity`,
   * `DeleteConflict` while it is attached
   */
  deletePolicy(input: { policyArn: string }): void;
  /**
   * Attaches a managed policy to a role, which can have ten. Does nothing if it is already attached.
   *
   * @throws {@link EmulatorError} `ValidationError` for an ARN that is not one of a policy, `NoSuchEntity` for a role or
   * a policy that does not exist, `LimitExceeded`
   */
  attachRolePolicy(input: { roleName: string; policyArn: string }): void;
  /**
   * Detaches a managed policy from a role.
   *
   * @throws {@link EmulatorError} `ValidationError` for an ARN that is not one of a policy, `NoSuchEntity` for a role that
   * does not exist, and a policy that is not attached
   */
  detachRolePolicy(input: { roleName: string; policyArn: string }): void;
}

const MAX_SIZE = 6144;
/** The default quota of a role. */
const MAX_ATTACHED = 10;

/** The operations on managed policies over the stored state. */
export function managedPolicyOperations({ store, now }: OperationContext): ManagedPolicyOperations {
  const { state } = store;
  const partition = partitionOf(state.region).name;
  const get = (policyArn: string) => getManagedPolicy(state, policyArn);
  const attachmentCount = (policyArn: string) =>
    Object.values(state.roles).filter(({ attachedPolicyArns }) =>
      attachedPolicyArns.includes(policyArn),
    ).length;

  return {
    createPolicy({ policyName, policyDocument, path = '/', description, tags }) {
      checkName('policy name', policyName, 'ValidationError');
      if (documentSize(policyDocument) > MAX_SIZE) throw quotaError('PolicySize', MAX_SIZE);
      checkIdentityPolicy(policyDocument, { isManaged: true, partition });
      const policyArn = iamArn(state, `policy${path}${policyName}`);
      const isTaken = Object.values(state.managedPolicies).some((policy) =>
        isSameIamName(policy.policyName, policyName),
      );
      if (isTaken) {
        throw awsError(
          'EntityAlreadyExists',
          `A policy called ${policyName} already exists. Duplicate names are not allowed.`,
        );
      }
      const policy: ManagedPolicy = {
        policyArn,
        policyName,
        policyId: makeIamId('ANPA'),
        policyDocument,
        path,
        ...(description !== undefined && { description }),
        ...taggedWith(POLICY_TAGS, tags),
        creationMs: now(),
      };
      store.put('managedPolicies', policyArn, policy);
      return policy;
    },
    getPolicy({ policyArn }) {
      return { ...get(policyArn), attachmentCount: attachmentCount(policyArn) };
    },
    deletePolicy({ policyArn }) {
      get(policyArn);
      if (attachmentCount(policyArn) > 0) {
        throw awsError('DeleteConflict', 'Cannot delete a policy attached to entities.');
      }
      store.remove('managedPolicies', policyArn);
    },
    attachRolePolicy({ roleName, policyArn }) {
      const isManagedByAws = checkPolicyArn(policyArn, partition).accountId === 'aws';
      const role = getRole(state, roleName);
      if (!isManagedByAws) get(policyArn);
      const attachedPolicyArns = withItem(role.attachedPolicyArns, policyArn);
      if (attachedPolicyArns.length > MAX_ATTACHED) {
        throw quotaError('PoliciesPerRole', MAX_ATTACHED);
      }
      store.put('roles', roleName, { ...role, attachedPolicyArns });
    },
    detachRolePolicy({ roleName, policyArn }) {
      checkPolicyArn(policyArn, partition);
      const role = getRole(state, roleName);
      const attachedPolicyArns = withoutItem(role.attachedPolicyArns, policyArn);
      if (attachedPolicyArns.length === role.attachedPolicyArns.length) {
        throw awsError('NoSuchEntity', `Policy ${policyArn} was not found.`);
      }
      store.put('roles', roleName, { ...role, attachedPolicyArns });
    },
  };
}

/**
 * Returns a managed policy of the account.
 *
 * @throws {@link EmulatorError} `ValidationError` for an ARN that is not one of a policy, `NoSuchEntity`
 */
export function getManagedPolicy(state: State, policyArn: string): ManagedPolicy {
  checkPolicyArn(policyArn, partitionOf(state.region).name);
  const policy = lookUp(state.managedPolicies, policyArn);
  if (policy === undefined) {
    throw awsError('NoSuchEntity', `Policy ${policyArn} does not exist or is not attachable.`);
  }
  return policy;
}

/**
 * Returns the parts of the ARN of a managed policy, of an account or of AWS.
 *
 * @throws {@link EmulatorError} `ValidationError` for another text
 */
export function readPolicyArn(policyArn: string): Arn {
  const arn = parseArn(policyArn);
  if (arn === undefined) throw invalid('Invalid ARN:  Could not be parsed!');
  const isPolicy =
    arn.service === 'iam' &&
    arn.region === '' &&
    /^(?:\d{12}|aws)$/.test(arn.accountId) &&
    /^policy\/[\w+=,.@/-]+$/.test(arn.resource);
  if (!isPolicy) throw invalid(`ARN ${policyArn} is not valid.`);
  return arn;
}

function checkPolicyArn(policyArn: string, partition: string): Arn {
  const arn = readPolicyArn(policyArn);
  if (arn.partition !== partition) throw invalid('Invalid ARN partition');
  return arn;
}

function invalid(message: string): EmulatorError {
  return awsError('ValidationError', message);
}
