import type { Account } from '../../account/account.ts';
import { creationKey } from '../../account/creation-order.ts';
import { iotArn } from '../../names/arns.ts';
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
import { tags } from './tags.ts';

const policyName = uri(policyNameText);
const policyDocument = body(text({ max: 404_600 }));
const policyVersionId = uri(text({ pattern: /^[0-9]+$/ }));
const target = text({ min: 1, max: 2048 });

/** Operations of AWS IoT on policies: method, path, members and handlers. */
export const POLICY_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreatePolicy',
    'POST',
    '/policies/{policyName}',
    { policyName, policyDocument, tags },
    ({ account }, { tags, ...input }) => {
      account.iot.createPolicy({ ...input, tags });
      const { policyArn } = account.iot.getPolicy(input);
      return { ...input, policyArn, policyVersionId: '1' };
    },
  ),
  operation('GetPolicy', 'GET', '/policies/{policyName}', { policyName }, ({ account }, input) => {
    const policy = account.iot.getPolicy(input);
    return {
      policyName: policy.policyName,
      policyArn: policy.policyArn,
      policyDocument: policy.policyDocument,
      defaultVersionId: policy.defaultVersionId,
      creationDate: seconds(policy.creationMs),
      lastModifiedDate: seconds(policy.lastModifiedMs),
    };
  }),
  operation(
    'ListPolicies',
    'GET',
    '/policies',
    { ...listedByMarker, ascendingOrder },
    ({ account }, input) =>
      listPartByMarker(
        'policies',
        {
          items: account.iot.listPolicies(input),
          keyOf: (name) => creationKey(account.iot.getPolicy({ policyName: name }), name),
          isDescending: !input.ascendingOrder,
        },
        input,
        (name) => nameAndArn(account, name),
      ),
  ),
  operation(
    'DeletePolicy',
    'DELETE',
    '/policies/{policyName}',
    { policyName },
    ({ account }, input) => account.iot.deletePolicy(input),
  ),
  operation(
    'CreatePolicyVersion',
    'POST',
    '/policies/{policyName}/version',
    { policyName, policyDocument, setAsDefault: query(optional(flag)) },
    ({ account }, input) => {
      const { versionId, isDefaultVersion } = account.iot.createPolicyVersion(input);
      const { policyArn } = account.iot.getPolicy(input);
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
      const { versionId, creationMs, ...version } = account.iot.getPolicyVersion(input);
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
      const { defaultVersionId } = account.iot.getPolicy(input);
      const policyVersions = account.iot
        .listPolicyVersions(input)
        .map(({ versionId, creationMs }) => ({
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
    ({ account }, input) => account.iot.setDefaultPolicyVersion(input),
  ),
  operation(
    'DeletePolicyVersion',
    'DELETE',
    '/policies/{policyName}/version/{policyVersionId}',
    { policyName, policyVersionId },
    ({ account }, input) => account.iot.deletePolicyVersion(input),
  ),
  operation(
    'AttachPolicy',
    'PUT',
    '/target-policies/{policyName}',
    { policyName, target: body(target) },
    ({ account }, input) => account.iot.attachPolicy(input),
  ),
  operation(
    'DetachPolicy',
    'POST',
    '/target-policies/{policyName}',
    { policyName, target: body(target) },
    ({ account }, input) => account.iot.detachPolicy(input),
  ),
  operation(
    'ListAttachedPolicies',
    'POST',
    '/attached-policies/{target}',
    { target: uri(target), recursive: query(optional(flag)), ...listedByMarker },
    ({ account }, input) => {
      const items = account.iot.listAttachedPolicies(input);
      return listPartByMarker('policies', { items }, input, (name) => nameAndArn(account, name));
    },
  ),
  operation(
    'ListTargetsForPolicy',
    'POST',
    '/policy-targets/{policyName}',
    { policyName, ...listedByMarker },
    ({ account }, input) =>
      listPartByMarker('targets', { items: account.iot.listTargetsForPolicy(input) }, input),
  ),
];

function nameAndArn(account: Account, name: string): { policyName: string; policyArn: string } {
  return { policyName: name, policyArn: iotArn(account, `policy/${name}`) };
}
