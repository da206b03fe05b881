import { iotArn } from '../../names/arns.ts';
import type { Permission, Permissions } from '../../permissions/authorize.ts';

/**
 * The resources that an operation is authorized on: `*`; an ARN in a member of the input, `{target}`; or the resource
 * of AWS IoT that a member names, `thing/{thingName}`. A resource whose member is missing is none.
 */
type Resources = readonly string[];

const ANY: Resources = ['*'];
const THING: Resources = ['thing/{thingName}'];
const THING_TYPE: Resources = ['thingtype/{thingTypeName}'];
const THING_GROUP: Resources = ['thinggroup/{thingGroupName}'];
const MEMBERSHIP: Resources = [...THING_GROUP, '{thingGroupArn}', ...THING, '{thingArn}'];
const CERTIFICATE: Resources = ['cert/{certificateId}'];
const PRINCIPAL: Resources = ['{principal}'];
const POLICY: Resources = ['policy/{policyName}'];
const TARGET: Resources = ['{target}'];
const ROLE_ALIAS: Resources = ['rolealias/{roleAlias}'];
const TAGGED: Resources = ['{resourceArn}'];

/** Service Authorization Reference, "Actions, resources, and condition keys for AWS IoT". */
const RESOURCES: Readonly<Record<string, Resources>> = {
  CreateThing: THING,
  DescribeThing: THING,
  UpdateThing: THING,
  DeleteThing: THING,
  ListThings: ANY,
  AttachThingPrincipal: PRINCIPAL,
  DetachThingPrincipal: PRINCIPAL,
  ListThingPrincipals: THING,
  ListPrincipalThings: PRINCIPAL,
  CreateThingType: THING_TYPE,
  DescribeThingType: THING_TYPE,
  CreateThingGroup: [...THING_GROUP, 'thinggroup/{parentGroupName}'],
  DescribeThingGroup: THING_GROUP,
  UpdateThingGroup: THING_GROUP,
  DeleteThingGroup: THING_GROUP,
  ListThingGroups: ANY,
  AddThingToThingGroup: MEMBERSHIP,
  RemoveThingFromThingGroup: MEMBERSHIP,
  ListThingsInThingGroup: THING_GROUP,
  ListThingGroupsForThing: THING,
  CreateKeysAndCertificate: ANY,
  CreateCertificateFromCsr: ANY,
  RegisterCertificate: ANY,
  RegisterCertificateWithoutCA: ANY,
  RegisterCACertificate: ANY,
  GetRegistrationCode: ANY,
  DescribeCertificate: CERTIFICATE,
  ListCertificates: ANY,
  UpdateCertificate: CERTIFICATE,
  DeleteCertificate: CERTIFICATE,
  CreatePolicy: POLICY,
  GetPolicy: POLICY,
  ListPolicies: ANY,
  DeletePolicy: POLICY,
  CreatePolicyVersion: POLICY,
  GetPolicyVersion: POLICY,
  ListPolicyVersions: POLICY,
  SetDefaultPolicyVersion: POLICY,
  DeletePolicyVersion: POLICY,
  AttachPolicy: TARGET,
  DetachPolicy: TARGET,
  ListAttachedPolicies: TARGET,
  ListTargetsForPolicy: POLICY,
  CreateRoleAlias: ROLE_ALIAS,
  DescribeRoleAlias: ROLE_ALIAS,
  UpdateRoleAlias: ROLE_ALIAS,
  DeleteRoleAlias: ROLE_ALIAS,
  ListRoleAliases: ANY,
  DescribeEndpoint: ANY,
  TagResource: TAGGED,
  UntagResource: TAGGED,
  ListTagsForResource: TAGGED,
};

/** The permissions that the operations of AWS IoT need. A role for an alias must also be one that may be passed on. */
export const IOT_PERMISSIONS: Readonly<Record<string, Permissions>> = Object.fromEntries(
  Object.entries(RESOURCES).map(([name, resources]): [string, Permissions] => [
    name,
    (state, input) => {
      const arns = resources.flatMap((resource) => {
        const [, type = '', member = ''] = /^(.*)\{(.*)\}$/.exec(resource) ?? [];
        if (member === '') return resource;
        const value = input[member];
        if (typeof value !== 'string') return [];
        return type === '' ? value : iotArn(state, type + value);
      });
      const action = `iot:${name}`;
      const needed = (arns.length === 0 ? ANY : arns).map((resource) => ({ action, resource }));
      const passed = resources === ROLE_ALIAS ? passRole(input, arns) : [];
      return [...needed, ...passed];
    },
  ]),
);

function passRole(
  { roleArn }: Readonly<Record<string, unknown>>,
  [aliasArn = '']: Resources,
): readonly Permission[] {
  if (typeof roleArn !== 'string') return [];
  const variables = {
    'iam:PassedToService': 'credentials.iot.amazonaws.com',
    'iam:AssociatedResourceArn': aliasArn,
  };
  return [{ action: 'iam:PassRole', resource: roleArn, variables }];
}
