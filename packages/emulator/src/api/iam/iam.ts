import type { Account } from '../../account/account.ts';
import { integer, optional, text } from '../protocol/members.ts';
import { action, type QueryService } from '../protocol/query.ts';
import { MANAGED_POLICY_ACTIONS } from './managed-policies.ts';
import { describedAs, listed, listPart, PolicyDocument, PolicyName, RoleName } from './members.ts';

// Lengths and patterns of IAM's API model.
const Description = optional(text({ max: 1000, pattern: /^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/ }));
const MaxSessionDuration = optional(integer({ min: 3600, max: 43_200 }));
const Path = optional(text({ min: 1, max: 512, pattern: /^(?:\/|\/[\u0021-\u007e]+\/)$/ }));

/** AWS IAM: roles and their policies. */
export const IAM: QueryService<Account> = {
  version: '2010-05-08',
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  actions: {
    ...MANAGED_POLICY_ACTIONS,
    CreateRole: action(
      { RoleName, AssumeRolePolicyDocument: PolicyDocument, MaxSessionDuration, Description, Path },
      (account: Account, input) => {
        const roleName = input.RoleName;
        account.createRole({
          roleName,
          assumeRolePolicyDocument: input.AssumeRolePolicyDocument,
          maxSessionDuration: input.MaxSessionDuration,
          description: input.Description,
          path: input.Path,
        });
        return { Role: describe(account, roleName) };
      },
    ),
    GetRole: action({ RoleName }, (account: Account, input) => ({
      Role: describe(account, input.RoleName),
    })),
    ListRoles: action(
      {
        PathPrefix: optional(text({ min: 1, max: 512, pattern: /^\/[\u0021-\u007f]*$/ })),
        ...listed,
      },
      (account: Account, { PathPrefix = '/', ...input }) => {
        const all = account
          .listRoles()
          .filter(({ path = '/' }) => path.startsWith(PathPrefix))
          .map(({ roleName }) => roleName)
          .sort();
        return listPart('Roles', all, input, (name) => describe(account, name));
      },
    ),
    UpdateRole: action({ RoleName, MaxSessionDuration, Description }, (account: Account, input) => {
      account.updateRole({
        roleName: input.RoleName,
        maxSessionDuration: input.MaxSessionDuration,
        description: input.Description,
      });
      return '';
    }),
    UpdateAssumeRolePolicy: action({ RoleName, PolicyDocument }, (account: Account, input) =>
      account.updateAssumeRolePolicy({
        roleName: input.RoleName,
        policyDocument: input.PolicyDocument,
      }),
    ),
    DeleteRole: action({ RoleName }, (account: Account, input) =>
      account.deleteRole({ roleName: input.RoleName }),
    ),
    PutRolePolicy: action({ RoleName, PolicyName, PolicyDocument }, (account: Account, input) =>
      account.putRolePolicy({
        roleName: input.RoleName,
        policyName: input.PolicyName,
        policyDocument: input.PolicyDocument,
      }),
    ),
    GetRolePolicy: action({ RoleName, PolicyName }, (account: Account, input) => ({
      RoleName: input.RoleName,
      PolicyName: input.PolicyName,
      PolicyDocument: encodeURIComponent(
        account.getRolePolicy({ roleName: input.RoleName, policyName: input.PolicyName }),
      ),
    })),
    ListRolePolicies: action({ RoleName, ...listed }, (account: Account, input) => {
      const { policies = {} } = account.getRole({ roleName: input.RoleName });
      return listPart('PolicyNames', Object.keys(policies).sort(), input, (name) => name);
    }),
    DeleteRolePolicy: action({ RoleName, PolicyName }, (account: Account, input) =>
      account.deleteRolePolicy({ roleName: input.RoleName, policyName: input.PolicyName }),
    ),
  },
};

function describe(account: Account, roleName: string): Record<string, unknown> {
  const role = account.getRole({ roleName });
  return {
    Path: role.path ?? '/',
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.roleArn,
    CreateDate: new Date(role.creationMs ?? 0).toISOString(),
    AssumeRolePolicyDocument: encodeURIComponent(role.assumeRolePolicyDocument),
    ...describedAs(role.description),
    MaxSessionDuration: role.maxSessionDuration,
  };
}
