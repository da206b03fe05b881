import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator();
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const SYNTAX = 'Invalid policy syntax.';
const VERSION = 'Unknown policy document version. It must be version 2012-10-17';
const EMPTY = 'Policy has no statements';
const ALIAS = 'arn:aws:iot:us-east-1:123456789012:rolealias/a';

const statement = { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' };
/** A document with changes in its only statement; `undefined` removes a member. */
const withStatement = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { ...statement, ...change } });
const withMembers = (change: object) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement], ...change });

let count = 0;
const create = (policyDocument: string, policyName = `policy-${count++}`) =>
  things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
await create(withMembers({}), 'versions');
const addVersion = (policyDocument: string) =>
  things.send(new iot.CreatePolicyVersionCommand({ policyName: 'versions', policyDocument }));

describe('the document of an AWS IoT policy', () => {
  it.each<[string, string]>([
    ['text', SYNTAX],
    ['[]', SYNTAX],
    ['{}', VERSION],
    [withMembers({ Version: undefined }), VERSION],
    [withMembers({ Version: '2008-10-17' }), VERSION],
    [withMembers({ Statement: [] }), EMPTY],
    [withMembers({ Statement: undefined }), EMPTY],
    [withMembers({ Statement: ['text'] }), SYNTAX],
    [withMembers({ statement: [] }), SYNTAX],
    [withStatement({}).replace('"Action"', '"Action":"iot:Publish","Action"'), SYNTAX],
    [withStatement({ Effect: undefined }), 'Missing required field Effect'],
    [withStatement({ Effect: 'allow' }), 'Invalid effect: allow'],
    [withStatement({ Action: undefined }), 'Missing required field Action'],
    [withStatement({ Action: [] }), 'Missing required field Action'],
    [withStatement({ Resource: undefined }), 'Missing required field Resource'],
    [withStatement({ Resource: [] }), 'Missing required field Resource'],
    [withStatement({ NotAction: 'iot:Publish' }), SYNTAX],
    [withStatement({ NotResource: ALIAS }), SYNTAX],
    [withStatement({ Principal: '*' }), SYNTAX],
    [withStatement({ Condition: { Equals: { 'iot:ClientId': 'a' } } }), SYNTAX],
    [withStatement({ Resources: '*' }), SYNTAX],
    [withMembers({ Statement: [1, 2].map(() => ({ ...statement, Sid: 'One' })) }), SYNTAX],
    [withStatement({ Action: 'Connect' }), 'The following actions are invalid : Connect'],
    [
      withStatement({ Action: ['iot:Connect', 's3:GetObject'] }),
      'The following actions are invalid : s3:GetObject',
    ],
    [withStatement({ Resource: 'topic/a' }), 'The following resources are invalid : topic/a'],
    [withStatement({ Resource: ['*', ''] }), 'The following resources are invalid : '],
  ])('%s is refused by CreatePolicy and CreatePolicyVersion', async (document, why) => {
    const error = {
      name: 'MalformedPolicyException',
      message: `Policy document is Malformed: ${why}`,
      $metadata: { httpStatusCode: 400 },
    };
    await expect(create(document)).rejects.toMatchObject(error);
    await expect(addVersion(document)).rejects.toMatchObject(error);
  });

  it.each([
    withMembers({ Id: 'id' }),
    withStatement({ Action: '*', Resource: ALIAS }),
    withStatement({ Action: ['iot:*', 'IOT:assumerolewith?ertificate', 'greengrass:Discover'] }),
    withStatement({ Action: undefined, NotAction: 'iotjobsdata:DescribeJobExecution' }),
    withStatement({ Resource: undefined, NotResource: [ALIAS] }),
    withStatement({ Resource: `arn:aws:iot:*:*:topic/$${'{'}iot:ClientId}:a` }),
    withStatement({ Condition: { Bool: { 'iot:Connection.Thing.IsAttached': [true] } } }),
    withMembers({ Statement: ['One', 'Two'].map((Sid) => ({ ...statement, Sid })) }),
  ])('%s is accepted', async (document) => {
    const { policyDocument } = await create(document);
    expect(policyDocument).toBe(document);
  });

  it('has 2048 characters at most, not counting white space', async () => {
    const length = withMembers({ Id: '' }).length;
    const ofSize = (size: number) => withMembers({ Id: `${'x'.repeat(size - length)}     ` });
    await create(ofSize(2048));
    await expect(create(ofSize(2049))).rejects.toBeInstanceOf(iot.MalformedPolicyException);
  });
});

describe('a certificate', () => {
  it('has ten policies at most', async () => {
    const keyType = 'EC-P256';
    const { certificateArn: target } = await emulator.iot.createKeysAndCertificate({ keyType });
    const attach = (policyName: string) =>
      things.send(new iot.AttachPolicyCommand({ policyName, target }));
    for (let index = 0; index <= 10; index++) await create(withMembers({}), `attached-${index}`);
    for (let index = 0; index < 10; index++) await attach(`attached-${index}`);
    await attach('attached-0');
    await expect(attach('attached-10')).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 410 },
    });
    await things.send(new iot.DetachPolicyCommand({ policyName: 'attached-0', target }));
    await attach('attached-10');
  });
});
