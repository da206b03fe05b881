import type { Iam } from '../../account/account.ts';
import { integer, optional, text } from '../protocol/members.ts';
import { action, type QueryAction } from '../protocol/query.ts';
import {
  describedAs,
  type IamContext,
  listed,
  listPart,
  PolicyDocument,
  PolicyName,
  RoleName,
  Tags,
  taggedAs,
} from './members.ts';

// Lengths and patterns of IAM's API model.
const Description = optional(text({ max: 1000, pattern: /^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/ }));
const MaxSessionDuration = optional(integer({ min: 3600, max: 43_200 }));
const Path = optional(text({ min: 1, max: 512, pattern: /^(?:\/|\/[\u0021-\u007e]+\/)$/ }));

/** Actions of IAM on roles and their inline policies. */
export const ROLE_ACTIONS: Readonly<Record<string, QueryAction<IamContext>>> = {
  CreateRole: action(
    {
      RoleName,
      AssumeRolePolicyDocument: PolicyDocument,
      MaxSessionDuration,
      Description,
      Path,
      Tags: optional(Tags),
    },
    ({ account }: IamContext, input) => {
      const roleName = input.RoleName;
      account.iam.createRole({
        roleName,
        assumeRolePolicyDocument: input.AssumeRolePolicyDocument,
        maxSessionDuration: input.MaxSessionDuration,
        description: input.Description,
        path: input.Path,
        tags: input.Tags,
      });
      const role = account.iam.getRole({ roleName });
      return { Role: { ...describe(role), ...taggedAs(role.tags) } };
    },
  ),
  GetRole: action({ RoleName }, ({ account }: IamContext, input) => {
    const role = account.iam.getRole({ roleName: input.RoleName });
    return {
      Role: {
        ...describe(role),
        MaxSessionDuration: role.maxSessionDuration,
        ...taggedAs(role.tags),
        RoleLastUsed: describeUse(role.lastUsedMs, account.region),
      },
    };
  }),
  ListRoles: action(
    {
      PathPrefix: optional(text({ min: 1, max: 512, pattern: /^\/[\u0021-\u007f]*$/ })),
      ...listed,
    },
    ({ account }: IamContext, { PathPrefix = '/', ...input }) => {
      const all = account.iam
        .listRoles()
        .filter(({ path }) => path.startsWith(PathPrefix))
        .map(({ roleName }) => roleName)
        .sort();
      return listPart('Roles', all, input, (roleName) => {
        const role = account.iam.getRole({ roleName });
        return { ...describe(role), MaxSessionDuration: role.maxSessionDuration };
      });
    },
  ),
  UpdateRole: action(
    { RoleName, MaxSessionDuration, Description },
    ({ account }: IamContext, input) => {
      account.iam.updateRole({
        roleName: input.RoleName,
        maxSessionDuration: input.MaxSessionDuration,
        description: input.Description,
      });
      return '';
    },
  ),
  UpdateAssumeRolePolicy: action({ RoleName, PolicyDocument }, ({ account }: IamContext, input) =>
    account.iam.updateAssumeRolePolicy({
      roleName: input.RoleName,
      policyDocument: input.PolicyDocument,
    }),
  ),
  DeleteRole: action({ RoleName }, ({ account }: IamContext, input) =>
    account.iam.deleteRole({ roleName: input.RoleName }),
  ),
  PutRolePolicy: action(
    { RoleName, PolicyName, PolicyDocument },
    ({ account }: IamContext, input) =>
      account.iam.putRolePolicy({
        roleName: input.RoleName,
        policyName: input.PolicyName,
        policyDocument: input.PolicyDocument,
      }),
  ),
  GetRolePolicy: action({ RoleName, PolicyName }, ({ account }: IamContext, input) => ({
    RoleName: input.RoleName,
    PolicyName: input.PolicyName,
    PolicyDocument: encodeURIComponent(
      account.iam.getRolePolicy({ roleName: input.RoleName, policyName: input.PolicyName }),
    ),
  })),
  ListRolePolicies: action({ RoleName, ...listed }, ({ account }: IamContext, input) => {
    const { policies } = account.iam.getRole({ roleName: input.RoleName });
    return listPart('PolicyNames', Object.keys(policies).sort(), input, (name) => name);
  }),
  DeleteRolePolicy: action({ RoleName, PolicyName }, ({ account }: IamContext, input) =>
    account.iam.deleteRolePolicy({ roleName: input.RoleName, policyName: input.PolicyName }),
  ),
};

/** The members of a role in all answers. Some have others: those that AWS's have. */
function describe(role: ReturnType<Iam['getRole']>): Record<string, unknown> {
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.roleArn,
    CreateDate: new Date(role.creationMs).toISOString(),
    AssumeRolePolicyDocument: encodeURIComponent(role.assumeRolePolicyDocument),
    ...describedAs(role.description),
  };
}

function describeUse(lastUsedMs: number | undefined, region: string): object {
  if (lastUsedMs === undefined) return {};
  return { LastUsedDate: new Date(lastUsedMs).toISOString(), Region: region };
}
