import type { Account } from '../../account/account.ts';
import { optional, text } from '../protocol/members.ts';
import { action, type QueryAction } from '../protocol/query.ts';
import { describedAs, listed, listPart, PolicyDocument, PolicyName, RoleName } from './members.ts';

// Lengths and patterns of IAM's API model.
const PATH = /^(?:\/[A-Za-z0-9.,+@=_-]+)*\/$/;
const PolicyArn = text({ min: 20, max: 2048 });
const Path = optional(text({ min: 1, max: 512, pattern: PATH }));
const Description = optional(text({ max: 1000 }));

/** AWS IAM: policies that can be attached to several roles. */
export const MANAGED_POLICY_ACTIONS: Readonly<Record<string, QueryAction<Account>>> = {
  CreatePolicy: action(
    { PolicyName, PolicyDocument, Path, Description },
    (account: Account, input) => {
      const { policyArn } = account.createManagedPolicy({
        policyName: input.PolicyName,
        policyDocument: input.PolicyDocument,
        path: input.Path,
        description: input.Description,
      });
      return { Policy: describe(account, policyArn) };
    },
  ),
  GetPolicy: action({ PolicyArn }, (account: Account, input) => ({
    Policy: describe(account, input.PolicyArn),
  })),
  DeletePolicy: action({ PolicyArn }, (account: Account, input) =>
    account.deleteManagedPolicy({ policyArn: input.PolicyArn }),
  ),
  AttachRolePolicy: action({ RoleName, PolicyArn }, (account: Account, input) =>
    account.attachRolePolicy({ roleName: input.RoleName, policyArn: input.PolicyArn }),
  ),
  DetachRolePolicy: action({ RoleName, PolicyArn }, (account: Account, input) =>
    account.detachRolePolicy({ roleName: input.RoleName, policyArn: input.PolicyArn }),
  ),
  ListAttachedRolePolicies: action(
    { RoleName, PathPrefix: Path, ...listed },
    (account: Account, { PathPrefix = '/', ...input }) => {
      const { attachedPolicyArns = [] } = account.getRole({ roleName: input.RoleName });
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

function describe(account: Account, policyArn: string): Record<string, unknown> {
  const policy = account.getManagedPolicy({ policyArn });
  const date = new Date(policy.creationMs).toISOString();
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policyArn,
    Path: policy.path,
    DefaultVersionId: 'v1',
    AttachmentCount: policy.attachmentCount,
    IsAttachable: true,
    ...describedAs(policy.description),
    CreateDate: date,
    UpdateDate: date,
  };
}
