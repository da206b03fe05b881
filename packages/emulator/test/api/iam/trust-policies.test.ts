import * as iam from '@aws-sdk/client-iam';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator();
const { accountId } = emulator;
const sdk = openSdk(emulator);
const { roles, createRole } = sdk;
await createRole('Existing', { Path: '/team/' });
const existing = `arn:aws:iam::${accountId}:role/team/Existing`;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const SERVICE = 'credentials.iot.amazonaws.com';
const JSON_ERROR = 'This policy contains invalid Json';
const STS_ONLY = 'AssumeRole policy may only specify STS AssumeRole actions.';
const SYNTAX = 'Syntax error in policy.';
const EMPTY = 'Could not parse the policy: Statement is empty!';
const FEDERATED = 'Federated principals must be valid domain names or SAML metadata ARNs';
const COGNITO = { Federated: 'cognito-identity.amazonaws.com' };

const statement = { Effect: 'Allow', Principal: { Service: SERVICE }, Action: 'sts:AssumeRole' };
/** A document with changes in its only statement; `undefined` removes a member. */
const withStatement = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { ...statement, ...change } });
const withMembers = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement], ...change });
const trusting = (Principal: unknown) => withStatement({ Principal });
const invalid = (kind: string, name: string) => `Invalid principal in policy: "${kind}":"${name}"`;

const create = (name: string, AssumeRolePolicyDocument: string) =>
  createRole(name, { AssumeRolePolicyDocument });
const update = (PolicyDocument: string) =>
  roles.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName: 'Existing', PolicyDocument }));
const expectRefused = async (document: string, message: string) => {
  const error = {
    name: 'MalformedPolicyDocumentException',
    message,
    $metadata: { httpStatusCode: 400 },
  };
  await expect(create('refused', document)).rejects.toMatchObject(error);
  await expect(update(document)).rejects.toMatchObject(error);
};

describe('a trust policy', () => {
  it.each<[string, string]>([
    ['text', JSON_ERROR],
    ['[]', JSON_ERROR],
    ['"text"', JSON_ERROR],
    [withStatement({}).replace('"Action"', '"Action":"sts:TagSession","Action"'), JSON_ERROR],
    ['{}', EMPTY],
    [withMembers({ Statement: [] }), EMPTY],
    [withMembers({ Statement: 'text' }), SYNTAX],
    [withMembers({ Statement: [statement, null] }), SYNTAX],
    [withMembers({ Version: '2026-11-30' }), 'The policy must contain a valid version string'],
    [withMembers({ Name: 'name' }), 'Unknown field Name'],
    [withMembers({ Id: 1 }), SYNTAX],
    [withStatement({ Actions: 'sts:AssumeRole' }), 'Unknown field Actions'],
    [withStatement({ Effect: undefined }), 'Missing required field Effect'],
    [withStatement({ Effect: 'allow' }), 'Invalid effect: allow'],
    [withStatement({ Effect: 1 }), 'Invalid effect: 1'],
    [withStatement({ Action: undefined }), 'Missing required field Action'],
    [withStatement({ Action: [] }), 'Missing required field Action'],
    [withStatement({ NotAction: 'sts:TagSession' }), SYNTAX],
    [withStatement({ Action: 1 }), SYNTAX],
    [withStatement({ Action: ['sts:AssumeRole', 'iot:Connect'] }), STS_ONLY],
    [withStatement({ Action: 'AssumeRole' }), STS_ONLY],
    [withStatement({ Action: 'sts:AssumeRoles' }), STS_ONLY],
    [withStatement({ Action: 'sts:GetCallerIdentity' }), STS_ONLY],
    [withStatement({ Action: '*' }), STS_ONLY],
    [withStatement({ Action: undefined, NotAction: 's3:GetObject' }), STS_ONLY],
    [withStatement({ Resource: '*' }), 'Has prohibited field Resource'],
    [withStatement({ NotResource: '*' }), 'AssumeRole policy must not contain resources.'],
    [withStatement({ Sid: ['One'] }), SYNTAX],
    [withStatement({ Sid: 'not alphanumeric' }), expect.stringContaining('[0-9A-Za-z]*')],
    [
      withMembers({ Statement: [1, 2].map(() => ({ ...statement, Sid: 'One' })) }),
      'The Statement Ids in the policy are not unique',
    ],
    [withStatement({ Condition: 'none' }), SYNTAX],
    [withStatement({ Condition: { StringEqual: { 'aws:SourceAccount': accountId } } }), SYNTAX],
    [withStatement({ Condition: { StringEqual: {} } }), SYNTAX],
    [trusting(undefined), 'Missing required field Principal'],
    [trusting({}), 'Missing required field Principal cannot be empty!'],
    [trusting({ Service: [] }), 'Missing required field Principal cannot be empty!'],
    [trusting('*'), 'Principal must be a JSON object.'],
    [trusting(SERVICE), 'Principal must be a JSON object.'],
    [trusting([SERVICE]), SYNTAX],
    [trusting({ Service: { name: SERVICE } }), SYNTAX],
    [trusting({ Service: [SERVICE, 1] }), SYNTAX],
    [withStatement({ NotPrincipal: { AWS: accountId } }), SYNTAX],
    [
      withStatement({ Principal: undefined, NotPrincipal: { AWS: accountId } }),
      'Allow with NotPrincipal is not allowed.',
    ],
    [
      withStatement({ Effect: 'Deny', Principal: undefined, NotPrincipal: { AWS: accountId } }),
      'AssumeRole policy must not contain NotPrincipal field.',
    ],
    [trusting({ CanonicalUser: 'a'.repeat(64) }), 'Invalid principal in policy: "CanonicalUser"'],
    [trusting({ service: SERVICE }), 'Invalid principal in policy: "service"'],
    [trusting({ Service: SERVICE, User: 'me' }), 'Invalid principal in policy: "User"'],
    [trusting(COGNITO), 'A condition block must be present for the Cognito provider'],
    [trusting({ Federated: 'https://accounts.google.com' }), FEDERATED],
    [trusting({ Federated: `arn:aws:iam::${accountId}:user/me` }), FEDERATED],
  ])('%s is refused by CreateRole and UpdateAssumeRolePolicy', expectRefused);

  it.each([
    'credential.iot.amazonaws.com',
    'credentials.iot.amazonaws.co',
    'credentials.iot.eu-west-1.amazonaws.com',
    'credentials.iot',
    'iotcredentials.amazonaws.com',
    'lamda.amazonaws.com',
    'lambda.amazon.com',
    'ec2.amazonaws.com.cn',
    'states.eu-wset-1.amazonaws.com',
    'constructor.amazonaws.com',
    '*.amazonaws.com',
    'amazonaws.com',
    '*',
    '',
  ])('that trusts the service %j is refused', (name) =>
    expectRefused(trusting({ Service: [SERVICE, name] }), invalid('SERVICE', name)),
  );

  it.each([
    `arn:aws:iam::${accountId}:role/none`,
    `arn:aws:iam::${accountId}:role/Existing`,
    `arn:aws:iam::${accountId}:role/team/existing`,
    `arn:aws:iam::${accountId}:role/*`,
    `arn:aws:iam::${accountId}:role/constructor`,
    `arn:aws:iam::${accountId}:user/none`,
    `arn:aws:iam::${accountId}:group/none`,
    `arn:aws:iam::${accountId}:roles/none`,
    `arn:aws:iam::${accountId}:root/none`,
    `arn:aws-cn:iam::${accountId}:root`,
    'arn:aws:iam::1234:root',
    'arn:aws:iam::*:root',
    `arn:aws:iam:us-east-1:${accountId}:root`,
    `arn:aws:sts::${accountId}:assumed-role/none/session`,
    `arn:aws:sts::${accountId}:assumed-role/Existing/*`,
    `arn:aws:iot:us-east-1:${accountId}:cert/none`,
    `${accountId}0`,
    'AROAAAAAAAAAAAAAAAAAA',
    '111122223333*',
    SERVICE,
    'me',
    '',
  ])('that trusts %j is refused', (name) =>
    expectRefused(trusting({ AWS: [accountId, name] }), invalid('AWS', name)),
  );

  it.each<[string, string]>([
    ['no-version', withMembers({ Version: undefined })],
    ['first-version', withMembers({ Version: '2008-10-17', Id: 'id' })],
    ['services', trusting({ Service: [SERVICE, 'lambda.amazonaws.com', 'ec2.amazonaws.com'] })],
    [
      'regional',
      trusting({ Service: ['states.eu-west-1.amazonaws.com', 'logs.us-gov-west-1.amazonaws.com'] }),
    ],
    ['subservice', trusting({ Service: 'batchoperations.s3.amazonaws.com' })],
    ['account', trusting({ AWS: accountId })],
    ['another-account', trusting({ AWS: ['arn:aws:iam::111122223333:root', '999999999999'] })],
    ['another-role', trusting({ AWS: 'arn:aws:iam::111122223333:role/theirs' })],
    ['everyone', trusting({ AWS: '*' })],
    ['user', trusting({ AWS: emulator.user.userArn })],
    ['role', trusting({ AWS: existing, Service: SERVICE })],
    ['session', trusting({ AWS: `arn:aws:sts::${accountId}:assumed-role/Existing/session` })],
    [
      'oidc',
      withStatement({
        Principal: { Federated: 'accounts.google.com' },
        Action: 'sts:AssumeRoleWithWebIdentity',
      }),
    ],
    [
      'saml',
      withStatement({
        Principal: { Federated: `arn:aws:iam::${accountId}:saml-provider/idp` },
        Action: 'sts:AssumeRoleWithSAML',
      }),
    ],
    ['cognito', withStatement({ Principal: COGNITO, Condition: { StringEquals: { a: 'b' } } })],
    [
      'actions',
      withStatement({ Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:setsourceidentity'] }),
    ],
    ['wildcard', withStatement({ Action: 'sts:Assume*' })],
    [
      'not-action',
      withStatement({ Effect: 'Deny', Action: undefined, NotAction: 'sts:TagSession' }),
    ],
    ['sids', withMembers({ Statement: ['One', 'Two', ''].map((Sid) => ({ ...statement, Sid })) })],
    [
      'condition',
      withStatement({ Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:iot:*:*:*' } } }),
    ],
  ])('%s is accepted by CreateRole and UpdateAssumeRolePolicy', async (name, document) => {
    await create(name, document);
    await update(document);
    const { Role } = await roles.send(new iam.GetRoleCommand({ RoleName: 'Existing' }));
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toBe(document);
  });

  it('can trust the role itself once it exists', async () => {
    const itself = trusting({ AWS: `arn:aws:iam::${accountId}:role/itself` });
    await expect(create('itself', itself)).rejects.toBeInstanceOf(
      iam.MalformedPolicyDocumentException,
    );
    await create('itself', withStatement({}));
    await roles.send(
      new iam.UpdateAssumeRolePolicyCommand({ RoleName: 'itself', PolicyDocument: itself }),
    );
  });

  it('has 2048 characters at most, not counting white space', async () => {
    const length = withMembers({ Id: '' }).length;
    const ofSize = (size: number) => withMembers({ Id: `${'x'.repeat(size - length)}     ` });
    await create('long', ofSize(2048));
    for (const refused of [create('longer', ofSize(2049)), update(ofSize(2049))]) {
      await expect(refused).rejects.toMatchObject({
        name: 'LimitExceededException',
        message: 'Cannot exceed quota for ACLSizePerRole: 2048',
        $metadata: { httpStatusCode: 409 },
      });
    }
  });
});
