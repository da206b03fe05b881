// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import { type ContextEntry, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { IAM } from '../../src/api/iam/iam.ts';
import { IOT } from '../../src/api/iot/iot.ts';
import { STS } from '../../src/api/sts/sts.ts';
import { startEmulator } from '../../src/index.ts';
import { deviceClients } from '../support/device.ts';
import { often } from '../support/often.ts';
import { isDenied, type Need, type Operation, operationsOf } from '../support/operations.ts';
import { openSdk } from '../support/sdk.ts';
import { TRUST_POLICY } from '../support/session.ts';

const aws = await startEmulator();
const { accountId } = aws;
const sdk = openSdk(aws);
const device = await aws.seed({ thingName: 'dev', roleAlias: 'fleet', keyType: 'EC-P256' });
aws.iot.createThingType({ thingTypeName: 'sensor' });
aws.iot.updateThing({ thingName: 'dev', thingTypeName: 'sensor' });
aws.iam.tagRole({ roleName: device.roleName, tags: [{ Key: 'team', Value: 'some-thing' }] });
const trustAccount = TRUST_POLICY.replace('Service', 'AWS').replace(
  'credentials.iot.amazonaws.com',
  accountId,
);
aws.iam.createRole({ roleName: 'trusts-the-account', assumeRolePolicyDocument: trustAccount });
aws.iam.createRole({
  roleName: 'with-path',
  path: '/a/path/',
  assumeRolePolicyDocument: TRUST_POLICY,
});
const clients = await deviceClients(aws, device);
const OPERATIONS = operationsOf(aws);
afterAll(async () => {
  clients.close();
  sdk.close();
  await aws.close();
});

/** What IAM cannot know of the device's session. */
const SESSION: Readonly<Record<string, string>> = {
  'credentials-iot:ThingName': 'dev',
  'credentials-iot:ThingTypeName': 'sensor',
  'credentials-iot:AwsCertificateId': device.certificateId,
  'aws:SourceIp': '127.0.0.1',
};

function entries(variables: Readonly<Record<string, string>>): ContextEntry[] {
  return Object.entries(variables).map(([name, value]) => ({
    ContextKeyName: name,
    ContextKeyValues: [value],
    ContextKeyType: name === 'aws:SourceIp' ? 'ip' : 'string',
  }));
}

/** Simulates what operations need: together if it has the same condition keys. Returns whether each is allowed. */
async function simulate(operations: readonly Operation[]): Promise<readonly boolean[]> {
  const allowed = new Set<string>();
  const needs = operations.flatMap((operation) => operation.needs);
  const keyOf = ({ variables = {} }: Need) => JSON.stringify(variables);
  for (const key of new Set(needs.map(keyOf))) {
    const some = needs.filter((need) => keyOf(need) === key);
    const { EvaluationResults = [] } = await sdk.roles.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: device.roleArn,
        ActionNames: [...new Set(some.map(({ action }) => action))],
        ResourceArns: [...new Set(some.map(({ resource }) => resource))],
        ContextEntries: entries({ ...SESSION, ...JSON.parse(key) }),
      }),
    );
    for (const { EvalActionName, EvalResourceName, EvalDecision } of EvaluationResults) {
      if (EvalDecision === 'allowed') allowed.add(`${EvalActionName} ${EvalResourceName} ${key}`);
    }
  }
  return operations.map((operation) =>
    operation.needs.every((need) => allowed.has(`${need.action} ${need.resource} ${keyOf(need)}`)),
  );
}

function putPolicy(document: unknown): string {
  const policyDocument = JSON.stringify(document);
  aws.iam.putRolePolicy({ roleName: device.roleName, policyName: 'tried', policyDocument });
  return policyDocument;
}

/** Expects that operations are permitted if they are simulated as allowed. Returns how many are. */
async function expectAgreement(
  document: unknown,
  operations: readonly Operation[],
): Promise<number> {
  const policyDocument = putPolicy(document);
  const allowed = await simulate(operations);
  for (const [index, operation] of operations.entries()) {
    const isRefused = await isDenied(operation.call(clients));
    expect(isRefused, `${operation.name} with ${policyDocument}`).toBe(!allowed[index]);
  }
  return allowed.filter(Boolean).length;
}

const allow = (Action: unknown, Resource: unknown, more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});

describe('the calls of a device and the policy simulator agree', () => {
  it('each operation says what it needs, and is in the table', () => {
    for (const service of [IOT, IAM, STS]) {
      expect(Object.keys(service.permissions).sort()).toEqual(Object.keys(service.inputs).sort());
    }
    const inTable = new Set(OPERATIONS.map(({ name }) => name));
    const all = [IOT, IAM, STS].flatMap(({ prefix, inputs }) =>
      Object.keys(inputs).map((name) => `${prefix}:${name}`),
    );
    expect(all.filter((name) => !inTable.has(name)).sort()).toEqual([
      'sts:GetCallerIdentity',
      'sts:GetSessionToken',
    ]);
  });

  it('each operation needs its permissions, and no other', async () => {
    const Version = '2012-10-17';
    for (const operation of OPERATIONS) {
      const exactly = operation.needs.map(({ action, resource }) => allow(action, resource));
      expect(await expectAgreement({ Version, Statement: exactly }, [operation])).toBe(1);
      for (const missing of exactly) {
        const Statement = [
          { Effect: 'Allow', NotAction: missing.Action, Resource: '*' },
          { Effect: 'Allow', Action: missing.Action, NotResource: missing.Resource },
        ];
        putPolicy({ Version, Statement });
        expect(await isDenied(operation.call(clients)), operation.name).toBe(true);
      }
    }
  });

  const actionOf = (needs: readonly Need[]) =>
    fc.oneof(
      fc.constantFrom('*', 'iot:*', 'iam:*', 'iot:Describe*', 'iot:?escribeThing', 'IOT:list*'),
      fc.constantFrom(...needs.map((need) => need.action)),
    );
  const resourceOf = (needs: readonly Need[]) =>
    fc.oneof(
      { arbitrary: fc.constant('*'), weight: 2 },
      fc.constantFrom(...needs.map((need) => need.resource)),
      fc.constantFrom(
        `arn:aws:iot:*:${accountId}:thing/*`,
        'arn:aws:iot:us-east-1:*:thing/${aws:PrincipalTag/team}',
        `arn:aws:iot:us-east-1:${accountId}:*/some-????p`,
        'arn:aws:iot:us-east-1:*:thing/${credentials-iot:ThingName}',
        'arn:aws:iot:*:*:thing/some-${aws:username}*',
        'arn:aws:iam::*:role/*',
      ),
    );
  const condition = fc.constantFrom<object>(
    { StringEquals: { 'credentials-iot:ThingName': 'dev' } },
    { StringEquals: { 'credentials-iot:thingname': 'other' } },
    { StringLike: { 'credentials-iot:ThingTypeName': ['sens*', 'x'] } },
    { StringNotEquals: { 'credentials-iot:AwsCertificateId': device.certificateId } },
    { StringEqualsIfExists: { 'aws:username': 'nobody' } },
    { 'ForAllValues:StringLike': { 'aws:TagKeys': 'a*' } },
    { Null: { 'credentials-iot:ThingTypeName': 'true' } },
    { IpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '192.0.2.0/24'] } },
    { NotIpAddress: { 'aws:SourceIp': '127.0.0.1' } },
    { DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } },
    { NumericLessThan: { 'aws:EpochTime': '1' } },
    { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${accountId}:role/*` } },
    { StringEquals: { 'aws:PrincipalAccount': accountId, 'aws:PrincipalTag/team': 'some-thing' } },
    { Bool: { 'aws:SecureTransport': 'false' } },
    { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } },
    { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } },
    { StringEquals: { 'iam:PassedToService': 'credentials.iot.amazonaws.com' } },
    { StringEquals: { 'sts:RoleSessionName': '${credentials-iot:ThingName}' } },
  );
  const list = <T>(one: fc.Arbitrary<T>) =>
    fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }));
  const statementOf = (needs: readonly Need[]) =>
    fc
      .record({
        effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
        actionMember: fc.constantFrom('Action', 'Action', 'Action', 'NotAction'),
        actions: list(actionOf(needs)),
        resourceMember: fc.constantFrom('Resource', 'Resource', 'Resource', 'NotResource'),
        resources: list(resourceOf(needs)),
        condition: fc.option(condition, { nil: undefined }),
      })
      .map(
        ({ effect, actionMember, actions, resourceMember, resources, condition: Condition }) => ({
          Effect: effect,
          [actionMember]: actions,
          [resourceMember]: resources,
          ...(Condition && { Condition }),
        }),
      );
  const tried = fc
    .shuffledSubarray([...OPERATIONS], { minLength: 5, maxLength: 5 })
    .chain((operations) =>
      fc.record({
        operations: fc.constant(operations),
        Version: fc.constantFrom('2012-10-17', '2012-10-17', '2008-10-17'),
        Statement: list(statementOf(operations.flatMap(({ needs }) => needs))),
      }),
    );

  it('for generated policies', async () => {
    const counts = { all: 0, allowed: 0 };
    await fc.assert(
      fc.asyncProperty(tried, async ({ operations, ...document }) => {
        counts.all += operations.length;
        counts.allowed += await expectAgreement(document, operations);
      }),
      { numRuns: often(300) },
    );
    expect(counts.allowed).toBeGreaterThan(10);
    expect(counts.all - counts.allowed).toBeGreaterThan(10);
  });
});
