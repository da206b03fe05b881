import { iotArn, thingGroupArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { checkPolicyDocument } from '../policy/document.ts';
import { lookUp, type Policy, type PolicyVersion, withParentGroups } from '../state/state.ts';
import {
  failure,
  findThingGroup,
  getPrincipal,
  missing,
  type OperationContext,
  present,
  withItem,
  withoutItem,
} from './context.ts';

/** Operations of AWS IoT on policies. */
export interface PolicyOperations {
  createPolicy(input: { policyName: string; policyDocument: string }): void;
  getPolicy(input: { policyName: string }): Policy & { readonly policyArn: string };
  deletePolicy(input: { policyName: string }): void;
  /** A policy has five versions at most, and its default version decides. */
  createPolicyVersion(input: {
    policyName: string;
    policyDocument: string;
    setAsDefault?: boolean | undefined;
  }): PolicyVersion & { readonly isDefaultVersion: boolean };
  getPolicyVersion(input: { policyName: string; policyVersionId: string }): PolicyVersion & {
    readonly policyArn: string;
    readonly isDefaultVersion: boolean;
  };
  listPolicyVersions(input: { policyName: string }): readonly PolicyVersion[];
  setDefaultPolicyVersion(input: { policyName: string; policyVersionId: string }): void;
  deletePolicyVersion(input: { policyName: string; policyVersionId: string }): void;
  /** `target` is the ARN of a certificate or of a thing group. */
  attachPolicy(input: { policyName: string; target: string }): void;
  detachPolicy(input: { policyName: string; target: string }): void;
  /**
   * The names of the policies that are attached to a certificate or a thing group; `recursive` adds those of the groups
   * above it.
   */
  listAttachedPolicies(input: {
    target: string;
    recursive?: boolean | undefined;
  }): readonly string[];
  /** The ARNs of the certificates and thing groups that a policy is attached to. */
  listTargetsForPolicy(input: { policyName: string }): readonly string[];
}

const MAX_VERSIONS = 5;

/** The operations on policies over the stored state. */
export function policyOperations({ store, now }: OperationContext): PolicyOperations {
  const { state } = store;
  const get = (name: string) => {
    const policy = lookUp(state.policies, name);
    if (policy === undefined) throw missing(`policy ${name}`);
    return policy;
  };
  const getVersion = (policy: Policy, versionId: string) => {
    const version = versionsOf(policy).find((one) => one.versionId === versionId);
    if (version === undefined) throw missing(`version ${versionId} of ${policy.policyName}`);
    return version;
  };

  // A list of targets on the policy would be written anew for every certificate; the question is rare.
  const targetsOf = (policyName: string) => {
    const hasPolicy = ({ policyNames }: { policyNames: readonly string[] }) =>
      policyNames.includes(policyName);
    return [
      ...Object.values(state.certificates)
        .filter(hasPolicy)
        .map(({ certificateId }) => iotArn(state, `cert/${certificateId}`)),
      ...Object.values(state.thingGroups)
        .filter(hasPolicy)
        .map(({ thingGroupName }) => thingGroupArn(state, thingGroupName)),
    ];
  };
  const changePolicies = (target: string, policyName: string, change: typeof withItem) => {
    const group = findThingGroup(state, target);
    if (group !== undefined) {
      const policyNames = change(group.policyNames, policyName);
      store.put('thingGroups', group.thingGroupName, { ...group, policyNames });
    } else {
      const certificate = getPrincipal(state, target);
      const policyNames = change(certificate.policyNames, policyName);
      store.put('certificates', certificate.certificateId, { ...certificate, policyNames });
    }
  };

  return {
    createPolicy({ policyName, policyDocument }) {
      checkName('policy name', policyName);
      if (lookUp(state.policies, policyName)) throw present(`policy ${policyName}`);
      checkPolicyDocument(policyDocument);
      const creationMs = now();
      store.put('policies', policyName, {
        policyName,
        policyDocument,
        defaultVersionId: '1',
        creationMs,
        lastModifiedMs: creationMs,
      });
    },
    getPolicy({ policyName }) {
      return { ...get(policyName), policyArn: iotArn(state, `policy/${policyName}`) };
    },
    deletePolicy({ policyName }) {
      const policy = get(policyName);
      if (versionsOf(policy).length > 1) {
        throw failure(
          'DeleteConflictException',
          `Cannot delete the policy because it has one or more policy versions attached to it (name=${policyName})`,
        );
      }
      if (targetsOf(policyName).length > 0) {
        throw failure(
          'DeleteConflictException',
          `The policy cannot be deleted as the policy is attached to one or more principals (name=${policyName})`,
        );
      }
      store.remove('policies', policyName);
    },
    createPolicyVersion({ policyName, policyDocument, setAsDefault = false }) {
      const policy = get(policyName);
      checkPolicyDocument(policyDocument);
      const versions = versionsOf(policy);
      if (versions.length >= MAX_VERSIONS) {
        throw failure(
          'VersionsLimitExceededException',
          `The policy ${policyName} already has the maximum number of versions (${MAX_VERSIONS})`,
        );
      }
      const creationMs = now();
      const newest = Math.max(...versions.map(({ versionId }) => Number(versionId)));
      const version = { versionId: String(newest + 1), policyDocument, creationMs };
      store.put('policies', policyName, {
        ...policy,
        versions: [...versions, version],
        lastModifiedMs: creationMs,
        ...(setAsDefault && { policyDocument, defaultVersionId: version.versionId }),
      });
      return { ...version, isDefaultVersion: setAsDefault };
    },
    getPolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const version = getVersion(policy, policyVersionId);
      return {
        ...version,
        policyArn: iotArn(state, `policy/${policyName}`),
        isDefaultVersion: version.versionId === (policy.defaultVersionId ?? '1'),
      };
    },
    listPolicyVersions({ policyName }) {
      return versionsOf(get(policyName));
    },
    setDefaultPolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const { versionId, policyDocument } = getVersion(policy, policyVersionId);
      store.put('policies', policyName, {
        ...policy,
        versions: versionsOf(policy),
        policyDocument,
        defaultVersionId: versionId,
        lastModifiedMs: now(),
      });
    },
    deletePolicyVersion({ policyName, policyVersionId }) {
      const policy = get(policyName);
      const { versionId } = getVersion(policy, policyVersionId);
      if (versionId === (policy.defaultVersionId ?? '1')) {
        throw failure(
          'DeleteConflictException',
          `Cannot delete the default version of a policy (name=${policyName})`,
        );
      }
      const versions = versionsOf(policy).filter((one) => one.versionId !== versionId);
      store.put('policies', policyName, { ...policy, versions, lastModifiedMs: now() });
    },
    attachPolicy({ policyName, target }) {
      get(policyName);
      changePolicies(target, policyName, withItem);
    },
    detachPolicy({ policyName, target }) {
      changePolicies(target, policyName, withoutItem);
    },
    listAttachedPolicies({ target, recursive = false }) {
      const group = findThingGroup(state, target);
      if (group === undefined) return getPrincipal(state, target).policyNames;
      const groups = recursive ? withParentGroups(state, group.thingGroupName) : [group];
      return [...new Set(groups.flatMap(({ policyNames }) => policyNames))];
    },
    listTargetsForPolicy({ policyName }) {
      get(policyName);
      return targetsOf(policyName);
    },
  };
}

function versionsOf(policy: Policy): readonly PolicyVersion[] {
  const { policyDocument, creationMs = 0 } = policy;
  return policy.versions ?? [{ versionId: '1', policyDocument, creationMs }];
}
