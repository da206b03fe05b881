import { iotArn } from '../../names/arns.ts';
import type { State } from '../../state/state.ts';
import { body, flag, optional, query, text, uri } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import {
  ascendingOrder,
  type IotContext,
  listedByMarker,
  listPartByMarker,
  policyName as policyNameText,
  seconds,
} from './context.ts';

const policyName = uri(policyNameText);
const policyDocument = body(text({ max: 404_600 }));
const policyVersionId = uri(text({ pattern: /^[0-9]+$/ }));
const target = text({ min: 1, max: 2048 });

/** Operations of AWS IoT on policies: method, path, members, and what they do. */
export const POLICY_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreatePolicy',
    'POST',
    '/policies/{policyName}',
    { policyName, policyDocument },
    ({ account }, input) => {
      account.createPolicy(input);
      const { policyArn } = account.getPolicy(input);
      return { ...input, policyArn, policyVersionId: '1' };
    },
  ),
  operation('GetPolicy', 'GET', '/policies/{policyName}', { policyName }, ({ account }, input) => {
    const policy = account.getPolicy(input);
    return {
      policyName: policy.policyName,
      policyArn: policy.policyArn,
      policyDocument: policy.policyDocument,
      defaultVersionId: policy.defaultVersionId ?? '1',
      creationDate: seconds(policy.creationMs),
      lastModifiedDate: seconds(policy.lastModifiedMs),
    };
  }),
  operation(
    'ListPolicies',
    'GET',
    '/policies',
    { ...listedByMarker, ascendingOrder },
    ({ state }, input) => {
      // The order of creation: a record that is replaced keeps its place.
      const all = Object.keys(state.policies);
      if (!input.ascendingOrder) all.reverse();
      return listPartByMarker('policies', all, input, (name) => nameAndArn(state, name));
    },
  ),
  operation(
    'DeletePolicy',
    'DELETE',
    '/policies/{policyName}',
    { policyName },
    ({ account }, input) => account.deletePolicy(input),
  ),
  operation(
    'CreatePolicyVersion',
    'POST',
    '/policies/{policyName}/version',
    { policyName, policyDocument, setAsDefault: query(optional(flag)) },
    ({ account }, input) => {
      const { versionId, isDefaultVersion } = account.createPolicyVersion(input);
      const { policyArn } = account.getPolicy(input);
      return {
        policyArn,
        policyDocument: input.policyDocument,
        policyVersionId: versionId,
        isDefaultVersion,
      };
    },
  ),
  operation(
    'GetPolicyVersion',
    'GET',
    '/policies/{policyName}/version/{policyVersionId}',
    { policyName, policyVersionId },
    ({ account }, input) => {
      const { versionId, creationMs, ...version } = account.getPolicyVersion(input);
      return {
        ...version,
        policyName: input.policyName,
        policyVersionId: versionId,
        creationDate: seconds(creationMs),
        lastModifiedDate: seconds(creationMs),
      };
    },
  ),
  operation(
    'ListPolicyVersions',
    'GET',
    '/policies/{policyName}/version',
    { policyName },
    ({ account }, input) => {
      const { defaultVersionId = '1' } = account.getPolicy(input);
      const policyVersions = account.listPolicyVersions(input).map(({ versionId, creationMs }) => ({
        versionId,
        isDefaultVersion: versionId === defaultVersionId,
        createDate: seconds(creationMs),
      }));
      return { policyVersions };
    },
  ),
  operation(
    'SetDefaultPolicyVersion',
    'PATCH',
    '/policies/{policyName}/version/{policyVersionId}',
    { policyName, policyVersionId },
    ({ account }, input) => account.setDefaultPolicyVersion(input),
  ),
  operation(
    'DeletePolicyVersion',
    'DELETE',
    '/policies/{policyName}/version/{policyVersionId}',
    { policyName, policyVersionId },
    ({ account }, input) => account.deletePolicyVersion(input),
  ),
  operation(
    'AttachPolicy',
    'PUT',
    '/target-policies/{policyName}',
    { policyName, target: body(target) },
    ({ account }, input) => account.attachPolicy(input),
  ),
  operation(
    'DetachPolicy',
    'POST',
    '/target-policies/{policyName}',
    { policyName, target: body(target) },
    ({ account }, input) => account.detachPolicy(input),
  ),
  operation(
    'ListAttachedPolicies',
    'POST',
    '/attached-policies/{target}',
    { target: uri(target), recursive: query(optional(flag)), ...listedByMarker },
    ({ account, state }, input) => {
      const all = account.listAttachedPolicies(input);
      return listPartByMarker('policies', all, input, (name) => nameAndArn(state, name));
    },
  ),
  operation(
    'ListTargetsForPolicy',
    'POST',
    '/policy-targets/{policyName}',
    { policyName, ...listedByMarker },
    ({ account }, input) => listPartByMarker('targets', account.listTargetsForPolicy(input), input),
  ),
];

function nameAndArn(state: State, name: string): { policyName: string; policyArn: string } {
  return { policyName: name, policyArn: iotArn(state, `policy/${name}`) };
}
