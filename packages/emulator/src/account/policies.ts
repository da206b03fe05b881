import { iotArn, thingGroupArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { checkIotPolicy } from '../policy/iot-policy.ts';
import { defaultDocument, lookUp, withParentGroups } from '../state/look-up.ts';
import { sorted } from '../state/ordered.ts';
import type { Policy, PolicyVersion } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  findThingGroup,
  getPrincipal,
  notFoundError,
  type OperationContext,
} from './context.ts';
import { inCreationOrder, sequenceFrom } from './creation-order.ts';
import { IOT_TAGS, type TagInput, taggedWith } from './tags.ts';

/** Operations of AWS IoT on policies. */
export interface PolicyOperations {
  /**
   * Creates a policy with one version, `1`, which is the default version.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, `MalformedPolicyException`,
   * `ResourceAlreadyExistsException`
   */
  createPolicy(input: {
    /** 1 to 128 characters: letters, digits and `_+=,.@-`. */
    policyName: string;
    /** JSON text of at most 2048 characters, not counting white space. */
    policyDocument: string;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): void;
  /**
   * Returns a policy and the document of its default version.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  getPolicy(input: { policyName: string }): Policy & {
    readonly policyArn: string;
    readonly policyDocument: string;
  };
  /** Returns the names of all policies. */
  listPolicies(input?: {
    /** True: the oldest first. Default false: the newest first. */
    ascendingOrder?: boolean | undefined;
  }): readonly string[];
  /**
   * Deletes a policy.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `DeleteConflictException` while it has several versions
   * or is attached
   */
  deletePolicy(input: { policyName: string }): void;
  /**
   * Adds a version to a policy, which can have five.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `MalformedPolicyException`,
   * `VersionsLimitExceededException`
   */
  createPolicyVersion(input: {
    policyName: string;
    /** JSON text of at most 2048 characters, not counting white space. */
    policyDocument: string;
    /** Whether it becomes the default version. Default false. */
    setAsDefault?: boolean | undefined;
  }): PolicyVersion & { readonly isDefaultVersion: boolean };
  /**
   * Returns a version of a policy.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  getPolicyVersion(input: { policyName: string; policyVersionId: string }): PolicyVersion & {
    readonly policyArn: string;
    readonly isDefaultVersion: boolean;
  };
  /**
   * Returns the versions of a policy, oldest first.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listPolicyVersions(input: { policyName: string }): readonly PolicyVersion[];
  /**
   * Sets the default version.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  setDefaultPolicyVersion(input: { policyName: string; policyVersionId: string }): void;
  /**
   * Deletes a version of a policy.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `DeleteConflictException` for the default version
   */
  deletePolicyVersion(input: { policyName: string; policyVersionId: string }): void;
  /**
   * Attaches a policy. Does nothing if it is already attached. A certificate can have ten.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` for a policy or a target that does not exist,
   * `LimitExceededException`
   */
  attachPolicy(input: {
    policyName: string;
    /** The ARN of a certificate or of a thing group. */
    target: string;
  }): void;
  /**
   * Detaches a policy. Does nothing if it is not attached.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` for a target that does not exist
   */
  detachPolicy(input: {
    policyName: string;
    /** The ARN of a certificate or of a thing group. */
    target: string;
  }): void;
  /**
   * Returns the names of the policies that are attached to a target, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listAttachedPolicies(input: {
    /** The ARN of a certificate or of a thing group. */
    target: string;
    /** Adds the policies of the groups above a thing group. Default false. */
    recursive?: boolean | undefined;
  }): readonly string[];
  /**
   * Returns the ARNs of the certificates and thing groups that a policy is attached to, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listTargetsForPolicy(input: { policyName: string }): readonly string[];
}

const MAX_VERSIONS = 5;
/** The quota of a certificate. */
const MAX_ATTACHED = 10;

/** The operations on policies over the stored state. */
export function policyOperations({ store, now }: OperationContext): PolicyOperations {
  const { state } = store;
  const nextSequence = sequenceFrom(state.policies);
  const get = (name: string) => {
    const policy = lookUp(state.policies, name);
    if (policy === undefined) throw notFoundError(`policy ${name}`);
    return policy;
  };
  const getVersion = ({ policyName, versions }: Policy, id: string) => {
    const version = versions.find(({ versionId }) => versionId === id);
    if (version === undefined) throw notFoundError(`version ${id} of ${policyName}`);
    return version;
  };

  // The ARNs of certificates come before those of groups.
  const targetsOf = (policyName: string) => [
    ...sorted(state.certificatePolicies.sourcesOf(policyName)).map((id) =>
      iotArn(state, `cert/${id}`),
    ),
    ...sorted(state.thingGroupPolicies.sourcesOf(policyName)).map((name) =>
      thingGroupArn(state, name),
    ),
  ];
  /** The relation of a target to its policies, and its key there. */
  const findTarget = (
    arn: string,
  ): readonly ['certificatePolicies' | 'thingGroupPolicies', string] => {
    const group = findThingGroup(state, arn);
    return group === undefined
      ? ['certificatePolicies', getPrincipal(state, arn).certificateId]
      : ['thingGroupPolicies', group.thingGroupName];
  };

  const checkAttachments = (target: string, policyName: string) => {
    const [relation, key] = findTarget(target);
    if (relation === 'thingGroupPolicies') return;
    const attached = state[relation].targetsOf(key);
    if (attached.size < MAX_ATTACHED || attached.has(policyName)) return;
    throw awsError(
      'LimitExceededException',
      `Cannot attach more than ${MAX_ATTACHED} policies to a principal (name=${policyName})`,
    );
  };

  return {
    createPolicy({ policyName, policyDocument, tags }) {
      checkName('policy name', policyName);
      if (lookUp(state.policies, policyName)) {
        throw alreadyExistsError(
          `Policy cannot be created - name already exists (name=${policyName})`,
          { resourceArn: iotArn(state, `policy/${policyName}`), resourceId: policyName },
        );
      }
      checkIotPolicy(policyDocument);
      const creationMs = now();
      store.put('policies', policyName, {
        policyName,
        defaultVersionId: '1',
        versions: [{ versionId: '1', policyDocument, creationMs }],
        lastVersion: 1,
        ...taggedWith(IOT_TAGS, tags),
        creationMs,
        sequence: nextSequence(),
        lastModifiedMs: creationMs,
      });
    },
    getPolicy({ policyName }) {
      const policy = get(policyName);
      const policyArn = iotArn(state, `policy/${policyName}`);
      return { ...policy, policyArn, policyDocument: defaultDocument(policy) };
    },
    listPolicies(order) {
      return inCreationOrder(state.policies, order);
    },
    deletePolicy({ policyName }) {
      if (get(policyName).versions.length > 1) {
        throw awsError(
          'DeleteConflictException',
          `Cannot delete the policy because it has one or more policy versions attached to it (name=${policyName})`,
        );
      }
      if (targetsOf(policyName).length > 0) {
        throw awsError(
          'DeleteConflictException',
          `The policy cannot be deleted as the policy is attached to one or more principals (name=${policyName})`,
        );
      }
      store.remove('policies', policyName);
    },
    createPolicyVersion({ policyName, policyDocument, setAsDefault = false }) {
      const policy = get(policyName);
      const { versions } = policy;
      checkIotPolicy(policyDocument);
      if (versions.length >= MAX_VERSIONS) {
        throw awsError(
          'VersionsLimitExceededException',
          `The policy ${policyName} already has the maximum number of versions (${MAX_VERSIONS})`,
        );
      }
      const creationMs = now();
      const lastVersion = lastVersionOf(policy) + 1;
      const version = { versionId: String(lastVersion), policyDocument, creationMs };
      store.put('policies', policyName, {
        ...policy,
        versions: [...versions, version],
        lastVersion,
        lastModifiedMs: creationMs,
        ...(setAsDefault && { defaultVersionId: version.versionId }),
      });
      return { ...version, isDefaultVersion: setAsDefault };
    },
    getPolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const version = getVersion(policy, policyVersionId);
      return {
        ...version,
        policyArn: iotArn(state, `policy/${policyName}`),
        isDefaultVersion: version.versionId === policy.defaultVersionId,
      };
    },
    listPolicyVersions({ policyName }) {
      return get(policyName).versions;
    },
    setDefaultPolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const { versionId } = getVersion(policy, policyVersionId);
      store.put('policies', policyName, {
        ...policy,
        defaultVersionId: versionId,
        lastModifiedMs: now(),
      });
    },
    deletePolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const { versionId } = getVersion(policy, policyVersionId);
      if (versionId === policy.defaultVersionId) {
        throw awsError(
          'DeleteConflictException',
          `Cannot delete the default version of a policy (name=${policyName})`,
        );
      }
      const versions = policy.versions.filter((one) => one.versionId !== versionId);
      store.put('policies', policyName, { ...policy, versions, lastModifiedMs: now() });
    },
    attachPolicy({ policyName, target }) {
      get(policyName);
      checkAttachments(target, policyName);
      store.link(...findTarget(target), policyName);
    },
    detachPolicy({ policyName, target }) {
      store.unlink(...findTarget(target), policyName);
    },
    listAttachedPolicies({ target, recursive = false }) {
      const [relation, key] = findTarget(target);
      const keys =
        recursive && relation === 'thingGroupPolicies'
          ? withParentGroups(state, key).map(({ thingGroupName }) => thingGroupName)
          : [key];
      return [...new Set(keys.flatMap((one) => [...state[relation].targetsOf(one)]))].sort();
    },
    listTargetsForPolicy({ policyName }) {
      get(policyName);
      return targetsOf(policyName);
    },
  };
}

/** The number of the newest version that a policy ever had: numbers are not used again. */
function lastVersionOf({ versions, lastVersion = 0 }: Policy): number {
  return Math.max(lastVersion, ...versions.map(({ versionId }) => Number(versionId)));
}
