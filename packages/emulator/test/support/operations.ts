import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import type { Emulator } from '../../src/index.ts';
import { TRUST_POLICY } from './session.ts';

/** Credentials of a session. */
export interface SessionKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** An operation of the AWS APIs, and the permissions that it needs on AWS. */
export interface Operation {
  /** Such as `iot:DescribeThing`. */
  readonly name: string;
  readonly needs: readonly Need[];
  /** Calls it, with valid input, for resources that mostly do not exist. */
  readonly call: (clients: Clients) => Promise<unknown>;
}

/** A permission, and condition keys of its own. */
export interface Need {
  readonly action: string;
  readonly resource: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** SDK clients with the credentials of one caller. */
export interface Clients {
  readonly things: iot.IoTClient;
  readonly roles: iam.IAMClient;
  readonly tokens: sts.STSClient;
  close(): void;
}

/** Creates clients with credentials. */
export function clientsOf(aws: Emulator, key: SessionKey): Clients {
  const options = {
    endpoint: aws.apiEndpoint,
    region: aws.region,
    maxAttempts: 1,
    credentials: {
      accessKeyId: key.accessKeyId,
      secretAccessKey: key.secretAccessKey,
      ...(key.sessionToken !== undefined && { sessionToken: key.sessionToken }),
    },
  };
  const things = new iot.IoTClient(options);
  const roles = new iam.IAMClient(options);
  const tokens = new sts.STSClient(options);
  return {
    things,
    roles,
    tokens,
    close() {
      for (const client of [things, roles, tokens]) client.destroy();
    },
  };
}

/** Whether a call was refused because a permission is missing: a call that fails for another reason was permitted. */
export async function isDenied(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    return /^AccessDenied(?:Exception)?$/.test((error as Error).name);
  }
}

/** All operations that need permissions, as in AWS's Service Authorization Reference. */
export function operationsOf({ accountId, region }: Emulator): readonly Operation[] {
  const iotOf = (resource: string) => `arn:aws:iot:${region}:${accountId}:${resource}`;
  const iamOf = (resource: string) => `arn:aws:iam::${accountId}:${resource}`;
  const [thingName, thingTypeName, thingGroupName] = ['some-thing', 'some-type', 'some-group'];
  const [policyName, roleAlias, certificateId] = ['some-policy', 'some-alias', 'a'.repeat(64)];
  const [thing, group] = [iotOf(`thing/${thingName}`), iotOf(`thinggroup/${thingGroupName}`)];
  const [type, policy] = [iotOf(`thingtype/${thingTypeName}`), iotOf(`policy/${policyName}`)];
  const [alias, principal] = [iotOf(`rolealias/${roleAlias}`), iotOf(`cert/${certificateId}`)];
  const [RoleName, PolicyName] = ['some-role', 'some-policy'];
  const [role, PolicyArn] = [iamOf(`role/${RoleName}`), iamOf(`policy/${PolicyName}`)];
  const policyDocument = TRUST_POLICY;
  const PolicyDocument = policyDocument;
  const membership = { thingName, thingGroupName };
  const versioned = { policyName, policyVersionId: '1' };
  const passed: Need = {
    action: 'iam:PassRole',
    resource: role,
    variables: { 'iam:PassedToService': 'credentials.iot.amazonaws.com' },
  };
  const tags = [{ Key: 'a', Value: 'b' }];
  const ofIot = (
    name: string,
    resources: string | readonly string[],
    command: () => object,
    ...more: readonly Need[]
  ): Operation => ({
    name: `iot:${name}`,
    needs: [
      ...[resources].flat().map((resource) => ({ action: `iot:${name}`, resource })),
      ...more,
    ],
    call: ({ things }) => things.send(command() as iot.ListThingsCommand),
  });
  const ofIam = (
    name: string,
    resource: string,
    command: () => object,
    variables?: Need['variables'],
  ): Operation => ({
    name: `iam:${name}`,
    needs: [{ action: `iam:${name}`, resource, ...(variables && { variables }) }],
    call: ({ roles }) => roles.send(command() as iam.ListRolesCommand),
  });
  return [
    ofIot('CreateThing', thing, () => new iot.CreateThingCommand({ thingName })),
    ofIot('DescribeThing', thing, () => new iot.DescribeThingCommand({ thingName })),
    ofIot('UpdateThing', thing, () => new iot.UpdateThingCommand({ thingName })),
    ofIot('DeleteThing', thing, () => new iot.DeleteThingCommand({ thingName })),
    ofIot('ListThings', '*', () => new iot.ListThingsCommand({})),
    ofIot('AttachThingPrincipal', principal, () => {
      return new iot.AttachThingPrincipalCommand({ thingName, principal });
    }),
    ofIot('DetachThingPrincipal', principal, () => {
      return new iot.DetachThingPrincipalCommand({ thingName, principal });
    }),
    ofIot('ListThingPrincipals', thing, () => new iot.ListThingPrincipalsCommand({ thingName })),
    ofIot(
      'ListPrincipalThings',
      principal,
      () => new iot.ListPrincipalThingsCommand({ principal }),
    ),
    ofIot('CreateThingType', type, () => new iot.CreateThingTypeCommand({ thingTypeName })),
    ofIot('DescribeThingType', type, () => new iot.DescribeThingTypeCommand({ thingTypeName })),
    ofIot('CreateThingGroup', group, () => new iot.CreateThingGroupCommand({ thingGroupName })),
    ofIot('CreateThingGroup', [group, iotOf('thinggroup/parent')], () => {
      return new iot.CreateThingGroupCommand({ thingGroupName, parentGroupName: 'parent' });
    }),
    ofIot('DescribeThingGroup', group, () => new iot.DescribeThingGroupCommand({ thingGroupName })),
    ofIot('UpdateThingGroup', group, () => {
      return new iot.UpdateThingGroupCommand({ thingGroupName, thingGroupProperties: {} });
    }),
    ofIot('DeleteThingGroup', group, () => new iot.DeleteThingGroupCommand({ thingGroupName })),
    ofIot('ListThingGroups', '*', () => new iot.ListThingGroupsCommand({})),
    ofIot('AddThingToThingGroup', [group, thing], () => {
      return new iot.AddThingToThingGroupCommand(membership);
    }),
    ofIot('AddThingToThingGroup', [group, thing], () => {
      return new iot.AddThingToThingGroupCommand({ thingArn: thing, thingGroupArn: group });
    }),
    ofIot('RemoveThingFromThingGroup', [group, thing], () => {
      return new iot.RemoveThingFromThingGroupCommand(membership);
    }),
    ofIot('ListThingsInThingGroup', group, () => {
      return new iot.ListThingsInThingGroupCommand({ thingGroupName });
    }),
    ofIot('ListThingGroupsForThing', thing, () => {
      return new iot.ListThingGroupsForThingCommand({ thingName });
    }),
    ofIot('CreateKeysAndCertificate', '*', () => new iot.CreateKeysAndCertificateCommand({})),
    ofIot('CreateCertificateFromCsr', '*', () => {
      return new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest: 'none' });
    }),
    ofIot('RegisterCertificate', '*', () => {
      return new iot.RegisterCertificateCommand({ certificatePem: 'none' });
    }),
    ofIot('RegisterCertificateWithoutCA', '*', () => {
      return new iot.RegisterCertificateWithoutCACommand({ certificatePem: 'none' });
    }),
    ofIot('RegisterCACertificate', '*', () => {
      return new iot.RegisterCACertificateCommand({ caCertificate: 'none' });
    }),
    ofIot('GetRegistrationCode', '*', () => new iot.GetRegistrationCodeCommand({})),
    ofIot('DescribeCertificate', principal, () => {
      return new iot.DescribeCertificateCommand({ certificateId });
    }),
    ofIot('ListCertificates', '*', () => new iot.ListCertificatesCommand({})),
    ofIot('UpdateCertificate', principal, () => {
      return new iot.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' });
    }),
    ofIot('DeleteCertificate', principal, () => {
      return new iot.DeleteCertificateCommand({ certificateId });
    }),
    ofIot(
      'CreatePolicy',
      policy,
      () => new iot.CreatePolicyCommand({ policyName, policyDocument }),
    ),
    ofIot('GetPolicy', policy, () => new iot.GetPolicyCommand({ policyName })),
    ofIot('ListPolicies', '*', () => new iot.ListPoliciesCommand({})),
    ofIot('DeletePolicy', policy, () => new iot.DeletePolicyCommand({ policyName })),
    ofIot('CreatePolicyVersion', policy, () => {
      return new iot.CreatePolicyVersionCommand({ policyName, policyDocument });
    }),
    ofIot('GetPolicyVersion', policy, () => new iot.GetPolicyVersionCommand(versioned)),
    ofIot('ListPolicyVersions', policy, () => new iot.ListPolicyVersionsCommand({ policyName })),
    ofIot('SetDefaultPolicyVersion', policy, () => {
      return new iot.SetDefaultPolicyVersionCommand(versioned);
    }),
    ofIot('DeletePolicyVersion', policy, () => new iot.DeletePolicyVersionCommand(versioned)),
    ofIot('AttachPolicy', principal, () => {
      return new iot.AttachPolicyCommand({ policyName, target: principal });
    }),
    ofIot('AttachPolicy', group, () => new iot.AttachPolicyCommand({ policyName, target: group })),
    ofIot('DetachPolicy', principal, () => {
      return new iot.DetachPolicyCommand({ policyName, target: principal });
    }),
    ofIot('ListAttachedPolicies', group, () => {
      return new iot.ListAttachedPoliciesCommand({ target: group });
    }),
    ofIot(
      'ListTargetsForPolicy',
      policy,
      () => new iot.ListTargetsForPolicyCommand({ policyName }),
    ),
    ofIot(
      'CreateRoleAlias',
      alias,
      () => new iot.CreateRoleAliasCommand({ roleAlias, roleArn: role }),
      passed,
    ),
    ofIot('DescribeRoleAlias', alias, () => new iot.DescribeRoleAliasCommand({ roleAlias })),
    ofIot('UpdateRoleAlias', alias, () => new iot.UpdateRoleAliasCommand({ roleAlias })),
    ofIot(
      'UpdateRoleAlias',
      alias,
      () => new iot.UpdateRoleAliasCommand({ roleAlias, roleArn: role }),
      passed,
    ),
    ofIot('DeleteRoleAlias', alias, () => new iot.DeleteRoleAliasCommand({ roleAlias })),
    ofIot('ListRoleAliases', '*', () => new iot.ListRoleAliasesCommand({})),
    ofIot('DescribeEndpoint', '*', () => new iot.DescribeEndpointCommand({})),
    ofIot('TagResource', group, () => new iot.TagResourceCommand({ resourceArn: group, tags })),
    ofIot('UntagResource', group, () => {
      return new iot.UntagResourceCommand({ resourceArn: group, tagKeys: ['a'] });
    }),
    ofIot('ListTagsForResource', group, () => {
      return new iot.ListTagsForResourceCommand({ resourceArn: group });
    }),
    ofIam('CreateRole', iamOf('role/new/new-role'), () => {
      const [AssumeRolePolicyDocument, made] = [
        TRUST_POLICY,
        { RoleName: 'new-role', Path: '/new/' },
      ];
      return new iam.CreateRoleCommand({ ...made, AssumeRolePolicyDocument });
    }),
    ofIam('GetRole', role, () => new iam.GetRoleCommand({ RoleName })),
    ofIam('GetRole', iamOf('role/a/path/with-path'), () => {
      return new iam.GetRoleCommand({ RoleName: 'with-path' });
    }),
    ofIam('ListRoles', '*', () => new iam.ListRolesCommand({})),
    ofIam('UpdateRole', role, () => new iam.UpdateRoleCommand({ RoleName })),
    ofIam('UpdateAssumeRolePolicy', role, () => {
      return new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument });
    }),
    ofIam('DeleteRole', role, () => new iam.DeleteRoleCommand({ RoleName })),
    ofIam('PutRolePolicy', role, () => {
      return new iam.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument });
    }),
    ofIam('GetRolePolicy', role, () => new iam.GetRolePolicyCommand({ RoleName, PolicyName })),
    ofIam('ListRolePolicies', role, () => new iam.ListRolePoliciesCommand({ RoleName })),
    ofIam('DeleteRolePolicy', role, () => {
      return new iam.DeleteRolePolicyCommand({ RoleName, PolicyName });
    }),
    ofIam(
      'AttachRolePolicy',
      role,
      () => new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }),
      {
        'iam:PolicyARN': PolicyArn,
      },
    ),
    ofIam(
      'DetachRolePolicy',
      role,
      () => new iam.DetachRolePolicyCommand({ RoleName, PolicyArn }),
      {
        'iam:PolicyARN': PolicyArn,
      },
    ),
    ofIam('ListAttachedRolePolicies', role, () => {
      return new iam.ListAttachedRolePoliciesCommand({ RoleName });
    }),
    ofIam('TagRole', role, () => new iam.TagRoleCommand({ RoleName, Tags: tags })),
    ofIam('UntagRole', role, () => new iam.UntagRoleCommand({ RoleName, TagKeys: ['a'] })),
    ofIam('ListRoleTags', role, () => new iam.ListRoleTagsCommand({ RoleName })),
    ofIam('CreatePolicy', iamOf('policy/new/new-policy'), () => {
      return new iam.CreatePolicyCommand({
        PolicyName: 'new-policy',
        Path: '/new/',
        PolicyDocument,
      });
    }),
    ofIam('GetPolicy', PolicyArn, () => new iam.GetPolicyCommand({ PolicyArn })),
    ofIam('DeletePolicy', PolicyArn, () => new iam.DeletePolicyCommand({ PolicyArn })),
    ofIam('TagPolicy', PolicyArn, () => new iam.TagPolicyCommand({ PolicyArn, Tags: tags })),
    ofIam('UntagPolicy', PolicyArn, () => new iam.UntagPolicyCommand({ PolicyArn, TagKeys: [] })),
    ofIam('ListPolicyTags', PolicyArn, () => new iam.ListPolicyTagsCommand({ PolicyArn })),
    ofIam('SimulatePrincipalPolicy', role, () => {
      const ActionNames = ['s3:GetObject'];
      return new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn: role, ActionNames });
    }),
    ofIam('SimulateCustomPolicy', '*', () => {
      const ActionNames = ['s3:GetObject'];
      return new iam.SimulateCustomPolicyCommand({ PolicyInputList: ['{}'], ActionNames });
    }),
    ofIam('GetContextKeysForPrincipalPolicy', role, () => {
      return new iam.GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn: role });
    }),
    ofIam('GetContextKeysForCustomPolicy', '*', () => {
      return new iam.GetContextKeysForCustomPolicyCommand({ PolicyInputList: ['{}'] });
    }),
    {
      name: 'sts:AssumeRole',
      needs: [
        {
          action: 'sts:AssumeRole',
          resource: iamOf('role/trusts-the-account'),
          variables: { 'sts:RoleSessionName': 'some-session' },
        },
      ],
      call: ({ tokens }) => {
        const RoleArn = iamOf('role/trusts-the-account');
        return tokens.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'some-session' }));
      },
    },
  ];
}
