import * as iam from '@aws-sdk/client-iam';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator();
const sdk = openSdk(emulator);
const { roles, createRole } = sdk;
await createRole('Holder');
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const SYNTAX = 'Syntax errors in policy.';
const VERSION = 'Policy document must be version 2012-10-17 or greater.';
const LEGACY = 'The policy failed legacy parsing';
const PRINCIPAL = 'Policy document should not specify a principal.';
const VENDOR = 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';
const NO_ACTIONS = 'Policy statement must contain actions.';
const NO_RESOURCES = 'Policy statement must contain resources.';
const QUALIFIED = 'Resource vendor must be fully qualified and cannot contain regexes.';
const SID = 'Statement IDs (SID) in a single policy must be unique.';

const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*' };
/** A document with changes in its only statement; `undefined` removes a member. */
const withStatement = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { ...statement, ...change } });
const withMembers = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement], ...change });
const withCondition = (operator: string, value: unknown) =>
  withStatement({ Condition: { [operator]: { key: value } } });

let count = 0;
const create = (PolicyDocument: string) =>
  roles.send(new iam.CreatePolicyCommand({ PolicyName: `policy-${count++}`, PolicyDocument }));
const put = (PolicyDocument: string, PolicyName = 'inline') =>
  roles.send(new iam.PutRolePolicyCommand({ RoleName: 'Holder', PolicyName, PolicyDocument }));
const malformed = (message: string) => ({
  name: 'MalformedPolicyDocumentException',
  Code: 'MalformedPolicyDocument',
  message,
  $metadata: { httpStatusCode: 400 },
});

const noArn = (resource: string) => `Resource ${resource} must be in ARN format or "*".`;
const partition = (name: string, arn: string) =>
  `Partition "${name}" is not valid for resource "${arn}".`;

describe('the document of a policy', () => {
  it.each<[string, string]>([
    ['text', SYNTAX],
    ['{', SYNTAX],
    ['{}', SYNTAX],
    ['[]', SYNTAX],
    ['null', SYNTAX],
    [`[${withMembers({})}]`, SYNTAX],
    [withMembers({ version: '2012-10-17' }), SYNTAX],
    [withMembers({ Comment: 'none' }), SYNTAX],
    [withMembers({ __proto__x: 1 }).replace('__proto__x', '__proto__'), SYNTAX],
    [withMembers({ Version: '2012-10-18' }), SYNTAX],
    [withMembers({ Version: 20_121_017 }), SYNTAX],
    [withMembers({ Id: ['id'] }), SYNTAX],
    [withMembers({ Statement: undefined }), SYNTAX],
    [withMembers({ Statement: [] }), SYNTAX],
    [withMembers({ Statement: null }), SYNTAX],
    [withMembers({ Statement: [statement, 'text'] }), SYNTAX],
    [withMembers({ Statement: [[statement]] }), SYNTAX],
    [withStatement({ Effect: undefined }), SYNTAX],
    [withStatement({ Effect: 'Permit' }), SYNTAX],
    [withStatement({ Effect: ['Allow'] }), SYNTAX],
    [withStatement({ effect: 'Allow' }), SYNTAX],
    [withStatement({ Resources: '*' }), SYNTAX],
    [withStatement({ NotAction: 's3:PutObject' }), SYNTAX],
    [withStatement({ Action: [], NotAction: [] }), SYNTAX],
    [withStatement({ NotResource: '*' }), SYNTAX],
    [withStatement({ Action: 1 }), SYNTAX],
    [withStatement({ Action: { s3: 'GetObject' } }), SYNTAX],
    [withStatement({ Action: [['s3:GetObject']] }), SYNTAX],
    [withStatement({ Action: null }), SYNTAX],
    [withStatement({ Resource: ['*', null] }), SYNTAX],
    [withStatement({ Sid: 1 }), SYNTAX],
    [withStatement({ Condition: [] }), SYNTAX],
    [withStatement({ Condition: null }), SYNTAX],
    [withStatement({ Condition: { StringEquals: 'key' } }), SYNTAX],
    [withCondition('StringEqual', 'value'), SYNTAX],
    [withCondition('stringequals', 'value'), SYNTAX],
    [withCondition('constructor', 'value'), SYNTAX],
    [withCondition('ForAnyValue::StringEquals', 'value'), SYNTAX],
    [withCondition('ForSomeValues:StringEquals', 'value'), SYNTAX],
    [withCondition('NullIfExists', 'true'), SYNTAX],
    [withCondition('StringEquals', { value: 1 }), SYNTAX],
    [withCondition('StringEquals', [null]), SYNTAX],
    [withStatement({}).replace('"Effect"', '"Effect":"Deny","Effect"'), SYNTAX],
    [withStatement({}).replace('"Version"', '"\\u0056ersion":"2012-10-17","Version"'), SYNTAX],
    [withStatement({ Effect: 'allow' }), LEGACY],
    [withCondition('DateLessThan', 'tomorrow'), LEGACY],
    [withCondition('DateLessThanIfExists', ['2026-01-01T00:00:00Z', '2026-13-01']), LEGACY],
    [withCondition('DateEquals', '2026-01-01T00:00:00+1'), LEGACY],
    [withCondition('DateEquals', '9223372036854775808'), LEGACY],
    [withCondition('NumericLessThan', 'many'), LEGACY],
    [withCondition('NotIpAddress', '192.0.2.0/33'), LEGACY],
    [withStatement({ Principal: '*' }), PRINCIPAL],
    [withStatement({ Principal: null }), PRINCIPAL],
    [withStatement({ NotPrincipal: { AWS: '111122223333' } }), PRINCIPAL],
    [withStatement({ Sid: 'not alphanumeric' }), expect.stringContaining('[0-9A-Za-z]*')],
    [withStatement({ Sid: 'Größe' }), expect.stringContaining('[0-9A-Za-z]*')],
    [withMembers({ Statement: [1, 2].map(() => ({ ...statement, Sid: 'One' })) }), SID],
    [withStatement({ Action: undefined }), NO_ACTIONS],
    [withStatement({ Action: [] }), NO_ACTIONS],
    [withStatement({ Action: undefined, NotAction: [] }), NO_ACTIONS],
    [withMembers({ Statement: [statement, { Effect: 'Deny' }] }), NO_ACTIONS],
    [withStatement({ Resource: undefined }), NO_RESOURCES],
    [withStatement({ Resource: [] }), NO_RESOURCES],
    [withStatement({ Action: 'GetObject' }), VENDOR],
    [withStatement({ Action: '' }), VENDOR],
    [withStatement({ NotAction: ['s3:GetObject', '**'], Action: undefined }), VENDOR],
    [withStatement({ Action: 's3:Get:Object' }), 'Actions/Condition can contain only one colon.'],
    [withStatement({ Action: 'my s3:GetObject' }), 'Vendor my s3 is not valid'],
    [withStatement({ Action: ':GetObject' }), 'Vendor  is not valid'],
    [withStatement({ Action: 's*:GetObject' }), expect.stringContaining('wildcards')],
    [withStatement({ Resource: 'bucket' }), noArn('bucket')],
    [withStatement({ Resource: '' }), noArn('')],
    [withStatement({ Resource: ['*', '*bucket'] }), noArn('*bucket')],
    [withStatement({ Resource: undefined, NotResource: 'bucket' }), noArn('bucket')],
    [withStatement({ Resource: 'my:aws:s3:::bucket' }), noArn('my:aws:s3:::bucket')],
    [withStatement({ Resource: 's3:bucket' }), partition('bucket', 'arn:bucket:*:*:*:*')],
    [withStatement({ Resource: 'aws:s3:::bucket' }), partition('s3', 'arn:s3:::bucket:*')],
    [
      withStatement({ Resource: 'arn:amazon:s3:::bucket:a' }),
      partition('amazon', 'arn:amazon:s3:::bucket:a'),
    ],
    [
      withStatement({ Resource: 'arn:aws-cn:s3:::bucket' }),
      partition('aws-cn', 'arn:aws-cn:s3:::bucket'),
    ],
    [withStatement({ Resource: 'arn:aws' }), QUALIFIED],
    [withStatement({ Resource: 'arn:aws:*:::bucket' }), QUALIFIED],
    [withStatement({ Resource: 'arn:aws:s3::bucket' }), LEGACY],
    [withStatement({ Resource: 'arn:aws::::bucket' }), LEGACY],
    [
      withStatement({ Resource: 'arn:aws:s3:eu-west-1::bucket' }),
      'Resource arn:aws:s3:eu-west-1::bucket can not contain region information.',
    ],
    [
      withStatement({ Resource: 'arn:aws:iam:eu-west-1:111122223333:role/a' }),
      'IAM resource arn:aws:iam:eu-west-1:111122223333:role/a cannot contain region information.',
    ],
    [
      withStatement({ Resource: 'arn:aws:iam::111122223333:roles/a' }),
      'IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.',
    ],
  ])('%s is refused by CreatePolicy and PutRolePolicy', async (document, message) => {
    await expect(create(document)).rejects.toMatchObject(malformed(message));
    await expect(put(document)).rejects.toMatchObject(malformed(message));
  });

  it.each([
    withMembers({}),
    withMembers({ Id: 'id', Statement: statement }),
    withMembers({ Statement: [1, 2].map(() => ({ ...statement, Sid: '' })) }),
    withMembers({ Statement: ['One', 'one'].map((Sid) => ({ ...statement, Sid })) }),
    withStatement({ Action: '*', Resource: '*' }),
    withStatement({ Action: ['s3:Get*', 'S3:put?bject', 'some-new.service:Do'], Effect: 'Deny' }),
    withStatement({ Action: undefined, NotAction: 'iam:*' }),
    withStatement({ Resource: undefined, NotResource: ['arn:aws:s3:::a', 'arn:aws:s3:::b/*'] }),
    withStatement({ Resource: `arn:aws:iot:*:*:topic/$${'{'}credentials-iot:ThingName}` }),
    withStatement({ Resource: `arn:aws:iam::*:user/$${'{'}aws:username}` }),
    withStatement({ Resource: 'arn:aws:iam::111122223333:root' }),
    withStatement({ Resource: 'arn:*:iam::*:role*' }),
    withStatement({ Resource: 'arn:aws:s3:us-west-2:111122223333:accesspoint/a' }),
    withStatement({ Resource: 'arn:aws:unheard-of' }),
    withStatement({ Condition: {} }),
    withStatement({ Condition: { NoOperator: {}, StringEquals: { 'aws:PrincipalTag/a': [] } } }),
    withCondition('ForAllValues:StringLikeIfExists', ['a', 'b']),
    withCondition('Bool', true),
    withCondition('NumericLessThan', [5, '-1.5']),
    withCondition('IpAddress', ['192.0.2.0/24', '2001:db8::1']),
    withCondition('DateGreaterThan', ['2026-01-01T12:00:00.5-05:00', '2026-01', '1772366400']),
    withCondition('Null', 'true'),
  ])('%s is accepted by CreatePolicy and PutRolePolicy', async (document) => {
    await create(document);
    await put(document);
    const { PolicyDocument = '' } = await roles.send(
      new iam.GetRolePolicyCommand({ RoleName: 'Holder', PolicyName: 'inline' }),
    );
    expect(decodeURIComponent(PolicyDocument)).toBe(document);
  });

  it.each([undefined, '2008-10-17'])('can have the Version %s in a role only', async (Version) => {
    await expect(create(withMembers({ Version }))).rejects.toMatchObject(malformed(VERSION));
    await put(withMembers({ Version }));
  });
});

describe('IAM', () => {
  /** A document of a size, and white space that does not count. */
  const ofSize = (size: number) => {
    const document = withMembers({ Id: 'x' });
    return document.replace('"x"', ` "${'x'.repeat(size - document.length + 1)}"\n`);
  };
  const exceeded = (message: string) => ({
    name: 'LimitExceededException',
    message,
    $metadata: { httpStatusCode: 409 },
  });

  it('limits the size of policies', async () => {
    await create(ofSize(6144));
    await expect(create(ofSize(6145))).rejects.toMatchObject(
      exceeded('Cannot exceed quota for PolicySize: 6144'),
    );
    await put(ofSize(240), 'inline');
    await put(ofSize(10_000), 'more');
    const tooLong = exceeded('Maximum policy size of 10240 bytes exceeded for role Holder');
    await expect(put(ofSize(241), 'inline')).rejects.toMatchObject(tooLong);
    await expect(put(ofSize(200), 'another')).rejects.toMatchObject(tooLong);
    await put(ofSize(9000), 'more');
  });

  it('attaches ten policies to a role at most', async () => {
    const attach = (name: string) =>
      roles.send(
        new iam.AttachRolePolicyCommand({
          RoleName: 'Holder',
          PolicyArn: `arn:aws:iam::aws:policy/${name}`,
        }),
      );
    for (let index = 0; index < 10; index++) await attach(`Policy${index}`);
    await attach('Policy0');
    await expect(attach('Policy10')).rejects.toMatchObject(
      exceeded('Cannot exceed quota for PoliciesPerRole: 10'),
    );
  });

  it('does not distinguish names by case', async () => {
    await expect(createRole('HOLDER')).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: 'Role with name HOLDER already exists.',
      $metadata: { httpStatusCode: 409 },
    });
    const named = (PolicyName: string) =>
      roles.send(new iam.CreatePolicyCommand({ PolicyName, PolicyDocument: withMembers({}) }));
    await named('Reader');
    await expect(named('reader')).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: 'A policy called reader already exists. Duplicate names are not allowed.',
      $metadata: { httpStatusCode: 409 },
    });
    await createRole('Reader');
  });
});
