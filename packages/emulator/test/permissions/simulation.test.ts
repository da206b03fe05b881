// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import * as iam from '@aws-sdk/client-iam';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';
import { TRUST_POLICY } from '../support/session.ts';

const aws = await startEmulator();
const { accountId } = aws;
const { roles, close } = openSdk(aws);
afterAll(async () => {
  close();
  await aws.close();
});

const Version = '2012-10-17';
const documentOf = (...Statement: object[]) => JSON.stringify({ Version, Statement });
const allow = (Action: string, Resource = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const deny = (Action: string) => ({ Effect: 'Deny', Action, Resource: '*' });

async function simulate(
  documents: readonly string[],
  more: Partial<iam.SimulateCustomPolicyCommandInput> = {},
): Promise<readonly iam.EvaluationResult[]> {
  const { EvaluationResults = [] } = await roles.send(
    new iam.SimulateCustomPolicyCommand({
      PolicyInputList: [...documents],
      ActionNames: ['s3:PutObject'],
      ...more,
    }),
  );
  return EvaluationResults;
}

const entry = (name: string, type: iam.ContextKeyTypeEnum, ...ContextKeyValues: string[]) => ({
  ContextKeyName: name,
  ContextKeyType: type,
  ContextKeyValues,
});
const sourcesOf = (result: iam.EvaluationResult | undefined) =>
  result?.MatchedStatements?.map(({ SourcePolicyId }) => SourcePolicyId);

describe('SimulateCustomPolicy', () => {
  it('names the statements that decide, and where they are', async () => {
    // The example of the AWS CLI for this command.
    const after = { DateGreaterThan: { 'aws:CurrentTime': '2018-08-16T12:00:00Z' } };
    const document = JSON.stringify({ Version, Statement: allow('dynamodb:*', '*', after) });
    const at = (time: string) => ({
      ActionNames: ['dynamodb:CreateBackup'],
      ContextEntries: [entry('aws:CurrentTime', 'date', time)],
    });
    expect(await simulate([document], at('2019-04-25T11:00:00Z'))).toEqual([
      {
        EvalActionName: 'dynamodb:CreateBackup',
        EvalResourceName: '*',
        EvalDecision: 'allowed',
        MatchedStatements: [
          {
            SourcePolicyId: 'PolicyInputList.1',
            SourcePolicyType: 'IAM Policy',
            StartPosition: { Line: 1, Column: 38 },
            EndPosition: { Line: 1, Column: 167 },
          },
        ],
        MissingContextValues: [],
      },
    ]);
    expect(await simulate([document], at('2014-04-25T11:00:00Z'))).toMatchObject([
      { EvalDecision: 'implicitDeny', MatchedStatements: [] },
    ]);
  });

  it('names each statement that allows, but only those that deny', async () => {
    const first = documentOf(allow('s3:*'), allow('s3:Put*'));
    const second = documentOf(allow('s3:P*'));
    const [allowed] = await simulate([first, second]);
    expect(sourcesOf(allowed)).toEqual([
      ...['PolicyInputList.1', 'PolicyInputList.1', 'PolicyInputList.2'],
    ]);
    const [denied] = await simulate([first, documentOf(allow('*'), deny('s3:PutObject'))]);
    expect(denied?.EvalDecision).toBe('explicitDeny');
    expect(sourcesOf(denied)).toEqual(['PolicyInputList.2']);
  });

  it('has a result for each action and resource, page by page', async () => {
    const input = {
      PolicyInputList: [documentOf(allow('s3:GetObject', 'arn:aws:s3:::mine/*'))],
      ActionNames: ['s3:GetObject', 's3:PutObject'],
      ResourceArns: ['arn:aws:s3:::mine/a', 'arn:aws:s3:::theirs/a', '*'],
    };
    const pages = iam.paginateSimulateCustomPolicy({ client: roles, pageSize: 4 }, input);
    const seen: iam.EvaluationResult[] = [];
    const sizes: (number | undefined)[] = [];
    for await (const { EvaluationResults = [] } of pages) {
      sizes.push(EvaluationResults.length);
      seen.push(...EvaluationResults);
    }
    expect(sizes).toEqual([4, 2]);
    const specific = (one: iam.EvaluationResult) =>
      one.ResourceSpecificResults?.map((two) => [two.EvalResourceName, two.EvalResourceDecision]);
    expect(
      seen.map((one) => [
        ...[one.EvalActionName, one.EvalResourceName, one.EvalDecision],
        specific(one),
      ]),
    ).toEqual(
      input.ActionNames.flatMap((action) =>
        input.ResourceArns.map((arn) => {
          const isAllowed = action === 's3:GetObject' && arn.includes('mine');
          const decision = isAllowed ? 'allowed' : 'implicitDeny';
          return [action, arn, decision, arn === '*' ? undefined : [[arn, decision]]];
        }),
      ),
    );
  });

  it('has fewer results on a page if the policies have many statements', async () => {
    const ActionNames = Array.from({ length: 40 }, (_, index) => `s3:Get${index}`);
    const input = {
      PolicyInputList: [documentOf(...Array(499).fill(allow('iot:*')))],
      ActionNames,
    };
    const sizes: (number | undefined)[] = [];
    for await (const page of iam.paginateSimulateCustomPolicy({ client: roles }, input)) {
      sizes.push(page.EvaluationResults?.length);
    }
    expect(sizes).toEqual([10, 10, 10, 10]);
  });

  it('says which condition keys have no value', async () => {
    const own = 'arn:aws:s3:::b/${credentials-iot:ThingName}/*';
    const Condition = {
      StringEquals: { 'aws:PrincipalTag/team': 'a' },
      Null: { 'aws:userid': 'true' },
    };
    const documents = [documentOf(allow('s3:PutObject', own, Condition))];
    const ResourceArns = ['arn:aws:s3:::b/x/y'];
    const team = entry('AWS:PrincipalTag/Team', 'string', 'a');
    const name = entry('credentials-iot:ThingName', 'string', 'x');
    const MissingContextValues = ['aws:userid', 'credentials-iot:ThingName'];
    expect(await simulate(documents, { ResourceArns, ContextEntries: [team] })).toMatchObject([
      {
        EvalDecision: 'implicitDeny',
        MissingContextValues,
        ResourceSpecificResults: [{ MissingContextValues }],
      },
    ]);
    const both = { ResourceArns, ContextEntries: [team, name] };
    expect(await simulate(documents, both)).toMatchObject([
      { EvalDecision: 'allowed', MissingContextValues: ['aws:userid'] },
    ]);
  });

  it.each<[object, iam.ContextEntry, string]>([
    [{ StringEquals: { 'my:key': 'a' } }, entry('my:key', 'string', 'a'), 'allowed'],
    [{ StringEquals: { 'my:key': '' } }, entry('my:key', 'string', ''), 'allowed'],
    [{ NumericLessThan: { 'my:key': '5' } }, entry('my:key', 'numeric', '4.5'), 'allowed'],
    [{ Bool: { 'my:key': 'true' } }, entry('my:key', 'boolean', 'false'), 'implicitDeny'],
    [{ IpAddress: { 'my:key': '192.0.2.0/24' } }, entry('my:key', 'ip', '192.0.2.7'), 'allowed'],
    [
      { DateLessThan: { 'my:key': '2020-01-01' } },
      entry('my:key', 'date', '2019-12-31'),
      'allowed',
    ],
    [{ BinaryEquals: { 'my:key': 'YQ==' } }, entry('my:key', 'binary', 'YQ=='), 'allowed'],
    [
      { 'ForAllValues:StringEquals': { 'my:key': ['a', 'b'] } },
      entry('my:key', 'stringList', 'a', 'b'),
      'allowed',
    ],
    [
      { 'ForAllValues:StringEquals': { 'my:key': ['a', 'b'] } },
      entry('my:key', 'stringList', 'a', 'c'),
      'implicitDeny',
    ],
    [
      { 'ForAnyValue:IpAddress': { 'my:key': '192.0.2.0/24' } },
      entry('my:key', 'ipList', '198.51.100.1', '192.0.2.7'),
      'allowed',
    ],
  ])('evaluates %j with %j', async (condition, one, decision) => {
    const documents = [documentOf(allow('s3:PutObject', '*', condition))];
    expect(await simulate(documents, { ContextEntries: [one] })).toMatchObject([
      { EvalDecision: decision, MissingContextValues: [] },
    ]);
  });

  it.each<[object, object, string, boolean]>([
    [allow('s3:*'), allow('s3:PutObject'), 'allowed', true],
    [allow('s3:*'), allow('s3:GetObject'), 'implicitDeny', false],
    [allow('s3:*'), deny('s3:*'), 'explicitDeny', false],
    [allow('iot:*'), allow('s3:*'), 'implicitDeny', true],
    [deny('s3:*'), allow('s3:*'), 'explicitDeny', true],
  ])('limits %j by the boundary %j: %s', async (own, limit, EvalDecision, isAllowed) => {
    const more = { PermissionsBoundaryPolicyInputList: [documentOf(limit)] };
    expect(await simulate([documentOf(own)], more)).toMatchObject([
      {
        EvalDecision,
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: isAllowed },
      },
    ]);
  });

  it('simulates the requests of a user', async () => {
    const documents = [documentOf(allow('s3:PutObject', 'arn:aws:s3:::home/${aws:username}/*'))];
    const ResourceArns = ['arn:aws:s3:::home/bob/x'];
    const CallerArn = `arn:aws:iam::${accountId}:user/team/bob`;
    expect(await simulate(documents, { ResourceArns, CallerArn })).toMatchObject([
      { EvalDecision: 'allowed' },
    ]);
    expect(await simulate(documents, { ResourceArns })).toMatchObject([
      { EvalDecision: 'implicitDeny', MissingContextValues: ['aws:username'] },
    ]);
  });

  const valid = documentOf(allow('*'));
  it.each<[string, readonly string[], Partial<iam.SimulateCustomPolicyCommandInput>, RegExp]>([
    [
      'a policy',
      ['{}'],
      {},
      /^Invalid Input Policy: PolicyInputList\.1: Syntax errors in policy\.$/,
    ],
    ['a resource of a policy', [documentOf(allow('*', 'b'))], {}, /must be in ARN format/],
    ['an action', [valid], { ActionNames: ['PutObject'] }, /^Invalid Action Name: PutObject$/],
    ['a resource', [valid], { ResourceArns: ['bucket'] }, /^Invalid ARN: bucket$/],
    ['a caller', [valid], { CallerArn: 'arn:aws:iam::1:role/r' }, /is not the ARN of an IAM user/],
    [
      'a value',
      [valid],
      { ContextEntries: [entry('my:key', 'numericList', '1', 'two')] },
      /my:key: two is not of type numericList/,
    ],
    ['a boundary', [valid], { PermissionsBoundaryPolicyInputList: [valid, valid] }, /only one/],
  ])('refuses %s that is not valid', async (_name, documents, more, message) => {
    await expect(simulate(documents, more)).rejects.toMatchObject({
      name: 'InvalidInputException',
      message: expect.stringMatching(message),
      $metadata: { httpStatusCode: 400 },
    });
  });

  it.each([
    { ResourcePolicy: documentOf(allow('*')) },
    { ResourceOwner: accountId },
    { ResourceHandlingOption: 'EC2-VPC-EBS' },
  ])('names what it does not evaluate: %j', async (more) => {
    await expect(simulate([documentOf(allow('*'))], more)).rejects.toMatchObject({
      name: 'ValidationError',
      message: `not emulated: ${Object.keys(more)[0]}`,
    });
  });
});

describe('SimulatePrincipalPolicy', () => {
  const simulateFor = (PolicySourceArn: string, ...ActionNames: string[]) =>
    roles.send(new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames }));

  it('evaluates all policies of a role, and others', async () => {
    const { roleArn } = aws.iam.createRole({
      roleName: 'tried',
      path: '/a/',
      assumeRolePolicyDocument: TRUST_POLICY,
    });
    const own = { ArnEquals: { 'aws:PrincipalArn': roleArn } };
    const policyDocument = documentOf(allow('iot:*', '*', own));
    aws.iam.putRolePolicy({ roleName: 'tried', policyName: 'inline', policyDocument });
    const denial = { policyName: 'own', policyDocument: documentOf(deny('s3:*')) };
    const { policyArn } = aws.iam.createPolicy(denial);
    const byAws = ['IAMReadOnlyAccess', 'Unknown'].map((name) => `arn:aws:iam::aws:policy/${name}`);
    for (const arn of [policyArn, ...byAws]) {
      aws.iam.attachRolePolicy({ roleName: 'tried', policyArn: arn });
    }
    const { EvaluationResults = [] } = await roles.send(
      new iam.SimulatePrincipalPolicyCommand({
        PolicySourceArn: roleArn,
        ActionNames: ['iot:Connect', 's3:GetObject', 'iam:GetRole', 'sqs:SendMessage', 'ec2:Run'],
        PolicyInputList: [documentOf(allow('sqs:*'))],
      }),
    );
    expect(EvaluationResults.map((one) => [one.EvalDecision, ...(sourcesOf(one) ?? [])])).toEqual([
      ['allowed', 'role_tried_inline'],
      ['explicitDeny', 'own'],
      ['allowed', 'IAMReadOnlyAccess'],
      ['allowed', 'PolicyInputList.1'],
      ['implicitDeny'],
    ]);
    const keys = await roles.send(
      new iam.GetContextKeysForPrincipalPolicyCommand({
        PolicySourceArn: roleArn,
        PolicyInputList: [documentOf(allow('s3:*', 'arn:aws:s3:::${aws:userid}'))],
      }),
    );
    expect(keys.ContextKeyNames).toEqual(['aws:PrincipalArn', 'aws:userid']);
    const PolicyInputList = [policyDocument];
    const custom = new iam.GetContextKeysForCustomPolicyCommand({ PolicyInputList });
    expect((await roles.send(custom)).ContextKeyNames).toEqual(['aws:PrincipalArn']);
  });

  it('knows the policy of the user', async () => {
    const { EvaluationResults } = await simulateFor(aws.user.userArn, 's3:PutObject');
    // As IAM was seen to answer.
    expect(EvaluationResults).toMatchObject([
      {
        EvalDecision: 'allowed',
        MatchedStatements: [
          {
            SourcePolicyId: 'AdministratorAccess',
            StartPosition: { Line: 3, Column: 17 },
            EndPosition: { Line: 8, Column: 6 },
          },
        ],
      },
    ]);
  });

  it.each([
    ['role/none', 'NoSuchEntityException', 'The role with name none cannot be found.'],
    ['role/path/none', 'NoSuchEntityException', 'The role with name none cannot be found.'],
    ['user/none', 'NoSuchEntityException', 'The user with name none cannot be found.'],
    ['group/none', 'NoSuchEntityException', 'The group with name none cannot be found.'],
    ['root', 'InvalidInputException', 'does not clearly define entity type and name.'],
    ['policy/none', 'InvalidInputException', 'does not clearly define entity type and name.'],
  ])('refuses %s', async (resource, name, message) => {
    const arn = `arn:aws:iam::${accountId}:${resource}`;
    await expect(simulateFor(arn, 's3:*')).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
  });
});
