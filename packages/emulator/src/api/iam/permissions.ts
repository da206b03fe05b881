import { iamArn, roleArn } from '../../names/arns.ts';
import type { Permissions } from '../../permissions/authorize.ts';
import { lookUp } from '../../state/look-up.ts';
import type { State } from '../../state/state.ts';

type Input = Readonly<Record<string, unknown>>;

/** Returns the ARN of the resource that an action is authorized on. */
type Resource = (state: State, input: Input) => string;

const ANY: Resource = () => '*';
const ROLE: Resource = (state, { RoleName }) => {
  const name = String(RoleName);
  return roleArn(state, name, lookUp(state.roles, name)?.path);
};
const NEW_ROLE: Resource = (state, { RoleName, Path = '/' }) =>
  roleArn(state, String(RoleName), String(Path));
const NEW_POLICY: Resource = (state, { PolicyName, Path = '/' }) =>
  iamArn(state, `policy${Path}${PolicyName}`);
const POLICY: Resource = (_state, { PolicyArn }) => String(PolicyArn);
const SOURCE: Resource = (_state, { PolicySourceArn }) => String(PolicySourceArn);

/** Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management". */
const RESOURCES: Readonly<Record<string, Resource>> = {
  CreateRole: NEW_ROLE,
  GetRole: ROLE,
  ListRoles: ANY,
  UpdateRole: ROLE,
  UpdateAssumeRolePolicy: ROLE,
  DeleteRole: ROLE,
  PutRolePolicy: ROLE,
  GetRolePolicy: ROLE,
  ListRolePolicies: ROLE,
  DeleteRolePolicy: ROLE,
  AttachRolePolicy: ROLE,
  DetachRolePolicy: ROLE,
  ListAttachedRolePolicies: ROLE,
  TagRole: ROLE,
  UntagRole: ROLE,
  ListRoleTags: ROLE,
  CreatePolicy: NEW_POLICY,
  GetPolicy: POLICY,
  DeletePolicy: POLICY,
  TagPolicy: POLICY,
  UntagPolicy: POLICY,
  ListPolicyTags: POLICY,
  SimulatePrincipalPolicy: SOURCE,
  SimulateCustomPolicy: ANY,
  GetContextKeysForPrincipalPolicy: SOURCE,
  GetContextKeysForCustomPolicy: ANY,
};

const IS_ATTACHMENT = /^(?:Attach|Detach)RolePolicy$/;

/** The permissions that the actions of IAM need. */
export const IAM_PERMISSIONS: Readonly<Record<string, Permissions>> = Object.fromEntries(
  Object.entries(RESOURCES).map(([name, resource]): [string, Permissions] => [
    name,
    (state, input) => [
      {
        action: `iam:${name}`,
        resource: resource(state, input),
        ...(IS_ATTACHMENT.test(name) && {
          variables: { 'iam:PolicyARN': String(input.PolicyArn) },
        }),
      },
    ],
  ]),
);
