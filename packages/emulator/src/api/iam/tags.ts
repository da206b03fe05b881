import { action, type QueryAction } from '../protocol/query.ts';
import { type IamContext, listed, PolicyArn, RoleName, TagKeys, Tags, tagPart } from './members.ts';

/** Actions of IAM on tags. */
export const TAG_ACTIONS: Readonly<Record<string, QueryAction<IamContext>>> = {
  TagRole: action({ RoleName, Tags }, ({ account }: IamContext, input) =>
    account.iam.tagRole({ roleName: input.RoleName, tags: input.Tags }),
  ),
  UntagRole: action({ RoleName, TagKeys }, ({ account }: IamContext, input) =>
    account.iam.untagRole({ roleName: input.RoleName, tagKeys: input.TagKeys }),
  ),
  ListRoleTags: action({ RoleName, ...listed }, ({ account }: IamContext, input) =>
    tagPart(account.iam.listRoleTags({ roleName: input.RoleName }), input),
  ),
  TagPolicy: action({ PolicyArn, Tags }, ({ account }: IamContext, input) =>
    account.iam.tagPolicy({ policyArn: input.PolicyArn, tags: input.Tags }),
  ),
  UntagPolicy: action({ PolicyArn, TagKeys }, ({ account }: IamContext, input) =>
    account.iam.untagPolicy({ policyArn: input.PolicyArn, tagKeys: input.TagKeys }),
  ),
  ListPolicyTags: action({ PolicyArn, ...listed }, ({ account }: IamContext, input) =>
    tagPart(account.iam.listPolicyTags({ policyArn: input.PolicyArn }), input),
  ),
};
