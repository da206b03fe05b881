import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { makeAuthority } from '../../support/authority.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, accountId } = emulator;
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const arn = (resource: string) => `arn:aws:iot:${region}:${accountId}:${resource}`;
const authority = makeAuthority();
const policyDocument = allowAlias('*');
const roleArn = `arn:aws:iam::${accountId}:role/any`;
const list = async (resourceArn: string) =>
  (await things.send(new iot.ListTagsForResourceCommand({ resourceArn }))).tags;
const add = (resourceArn: string, tags: iot.Tag[]) =>
  things.send(new iot.TagResourceCommand({ resourceArn, tags }));
const some = (count: number, prefix = 'key') =>
  Array.from({ length: count }, (_, index) => ({ Key: `${prefix}${index}`, Value: 'x' }));

const tags = [
  { Key: 'a', Value: '1' },
  { Key: 'Team +-=._:/@ é', Value: 'blue' },
];

describe('tags', () => {
  it.each([
    [
      'a thing type',
      'thingtype/tagged',
      new iot.CreateThingTypeCommand({ thingTypeName: 'tagged', tags }),
    ],
    [
      'a thing group',
      'thinggroup/tagged',
      new iot.CreateThingGroupCommand({ thingGroupName: 'tagged', tags }),
    ],
    [
      'a policy',
      'policy/tagged',
      new iot.CreatePolicyCommand({ policyName: 'tagged', policyDocument, tags }),
    ],
    [
      'a role alias',
      'rolealias/tagged',
      new iot.CreateRoleAliasCommand({ roleAlias: 'tagged', roleArn, tags }),
    ],
    [
      'a CA certificate',
      `cacert/${authority.id}`,
      new iot.RegisterCACertificateCommand({
        caCertificate: authority.pem,
        certificateMode: 'SNI_ONLY',
        tags,
      }),
    ],
  ])('of %s are kept, changed and removed', async (_kind, resource, create) => {
    const created = await things.send(create as never);
    expect(Object.keys(created)).not.toContain('tags');
    const resourceArn = arn(resource);
    expect(await list(resourceArn)).toEqual([tags[1], tags[0]]);
    await add(resourceArn, [{ Key: 'a', Value: '2' }, { Key: 'A' }]);
    expect(await list(resourceArn)).toEqual([
      { Key: 'A', Value: '' },
      tags[1],
      { Key: 'a', Value: '2' },
    ]);
    const tagKeys = ['a', 'none'];
    await things.send(new iot.UntagResourceCommand({ resourceArn, tagKeys }));
    expect(await list(resourceArn)).toEqual([{ Key: 'A', Value: '' }, tags[1]]);
  });

  it('are gone with their resource, and only its', async () => {
    for (const thingTypeName of ['kept', 'other']) {
      await things.send(new iot.CreateThingTypeCommand({ thingTypeName }));
    }
    await add(arn('thingtype/other'), tags);
    expect(await list(arn('thingtype/kept'))).toEqual([]);
    const policyName = 'gone';
    await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument, tags }));
    await things.send(new iot.DeletePolicyCommand({ policyName }));
    await expect(list(arn('policy/gone'))).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
    expect(await list(arn('policy/gone'))).toEqual([]);
  });

  it('are at most fifty', async () => {
    await things.send(new iot.CreateThingGroupCommand({ thingGroupName: 'full', tags: some(50) }));
    const resourceArn = arn('thinggroup/full');
    expect(await list(resourceArn)).toHaveLength(50);
    await add(resourceArn, [{ Key: 'key0', Value: 'changed' }]);
    await expect(add(resourceArn, [{ Key: 'more', Value: 'x' }])).rejects.toBeInstanceOf(
      iot.LimitExceededException,
    );
    expect(await list(resourceArn)).toHaveLength(50);
  });

  it.each([
    ['an empty key', [{ Key: '', Value: 'x' }]],
    ['a key of 129 characters', [{ Key: 'k'.repeat(129), Value: 'x' }]],
    ['a value of 257 characters', [{ Key: 'k', Value: 'x'.repeat(257) }]],
    ['a key with another character', [{ Key: 'k*', Value: 'x' }]],
    ['a value with another character', [{ Key: 'k', Value: 'x?' }]],
    ['a reserved key', [{ Key: 'aws:team', Value: 'x' }]],
    ['a reserved key in capitals', [{ Key: 'AWS:team', Value: 'x' }]],
    [
      'equal keys',
      [
        { Key: 'k', Value: 'x' },
        { Key: 'k', Value: 'y' },
      ],
    ],
    ['51 tags', some(51)],
  ])('are refused: %s', async (_name, bad) => {
    const thingTypeName = 'refused';
    await expect(
      things.send(new iot.CreateThingTypeCommand({ thingTypeName, tags: bad })),
    ).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await expect(
      things.send(new iot.DescribeThingTypeCommand({ thingTypeName })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    const resourceArn = arn('thingtype/kept');
    await expect(add(resourceArn, bad)).rejects.toBeInstanceOf(iot.InvalidRequestException);
    expect(await list(resourceArn)).toEqual([]);
  });

  it('may be as long as AWS allows', async () => {
    const longest = [{ Key: 'k'.repeat(128), Value: 'v'.repeat(256) }];
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'long', tags: longest }));
    expect(await list(arn('thingtype/long'))).toEqual(longest);
  });

  it.each([
    ['no ARN', 'thingtype/kept', iot.InvalidRequestException],
    ['a thing', arn('thing/kept'), iot.InvalidRequestException],
    [
      'a resource of another account',
      `arn:aws:iot:${region}:111122223333:policy/tagged`,
      iot.InvalidRequestException,
    ],
    ['a kind that every object has', arn('constructor/x'), iot.InvalidRequestException],
    ['a resource that does not exist', arn('policy/none'), iot.ResourceNotFoundException],
  ])('are not those of %s', async (_name, resourceArn, error) => {
    await expect(list(resourceArn)).rejects.toBeInstanceOf(error);
    await expect(add(resourceArn, tags)).rejects.toBeInstanceOf(error);
    await expect(
      things.send(new iot.UntagResourceCommand({ resourceArn, tagKeys: ['a'] })),
    ).rejects.toBeInstanceOf(error);
  });
});
