import type { Iam } from '../../account/account.ts';
import { optional, text } from '../protocol/members.ts';
import { action, type QueryAction } from '../protocol/query.ts';
import {
  describedAs,
  type IamContext,
  listed,
  listPart,
  PolicyArn,
  PolicyDocument,
  PolicyName,
  RoleName,
  Tags,
  taggedAs,
} from './members.ts';

// Lengths and patterns of IAM's API model.
const PATH = /^(?:\/[A-Za-z0-9.,+@=_-]+)*\/$/;
const Path = optional(text({ min: 1, max: 512, pattern: PATH }));
const Description = optional(text({ max: 1000 }));

/** Actions of IAM on policies that can be attached to several roles. */
export const MANAGED_POLICY_ACTIONS: Readonly<Record<string, QueryAction<IamContext>>> = {
  CreatePolicy: action(
    { PolicyName, PolicyDocument, Path, Description, Tags: optional(Tags) },
    ({ account }: IamContext, input) => {
      const { policyArn } = account.iam.createPolicy({
        policyName: input.PolicyName,
        policyDocument: input.PolicyDocument,
        path: input.Path,
        description: input.Description,
        tags: input.Tags,
      });
      return { Policy: describe(account.iam, policyArn) };
    },
  ),
  GetPolicy: action({ PolicyArn }, ({ account }: IamContext, input) => ({
    Policy: describe(account.iam, input.PolicyArn),
  })),
  DeletePolicy: action({ PolicyArn }, ({ account }: IamContext, input) =>
    account.iam.deletePolicy({ policyArn: input.PolicyArn }),
  ),
  AttachRolePolicy: action({ RoleName, PolicyArn }, ({ account }: IamContext, input) =>
    account.iam.attachRolePolicy({ roleName: input.RoleName, policyArn: input.PolicyArn }),
  ),
  DetachRolePolicy: action({ RoleName, PolicyArn }, ({ account }: IamContext, input) =>
    account.iam.detachRolePolicy({ roleName: input.RoleName, policyArn: input.PolicyArn }),
  ),
  ListAttachedRolePolicies: action(
    { RoleName, PathPrefix: Path, ...listed },
    ({ account }: IamContext, { PathPrefix = '/', ...input }) => {
      const { attachedPolicyArns } = account.iam.getRole({ roleName: input.RoleName });
      const arns = attachedPolicyArns
        .filter((arn) => arn.slice(arn.indexOf('/')).startsWith(PathPrefix))
        .sort();
      return listPart('AttachedPolicies', arns, input, (arn) => ({
        PolicyName: arn.slice(arn.lastIndexOf('/') + 1),
        PolicyArn: arn,
      }));
    },
  ),
};

function describe(iam: Iam, policyArn: string): Record<string, unknown> {
  const policy = iam.getPolicy({ policyArn });
  const date = new Date(policy.creationMs).toISOString();
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policyArn,
    Path: policy.path,
    DefaultVersionId: 'v1',
    AttachmentCount: policy.attachmentCount,
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    ...describedAs(policy.description),
    CreateDate: date,
    UpdateDate: date,
    ...taggedAs(policy.tags),
  };
}
