import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias, whoIsThing } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, accountId } = emulator;
const sdk = openSdk(emulator);
const { things, createRole, createCertificate } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('thing groups', () => {
  const create = (thingGroupName: string, parentGroupName?: string) =>
    things.send(new iot.CreateThingGroupCommand({ thingGroupName, parentGroupName }));
  const names = (groups: readonly iot.GroupNameAndArn[] | undefined) =>
    groups?.map(({ groupName }) => groupName).sort();

  it('can be nested', async () => {
    const house = await create('house');
    expect(house.thingGroupArn).toBe(`arn:aws:iot:${region}:${accountId}:thinggroup/house`);
    await create('floor', 'house');
    await create('room', 'floor');
    expect((await create('room', 'floor')).thingGroupId).toBeDefined();
    await expect(create('room')).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
    await expect(create('x', 'none')).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    const room = await things.send(new iot.DescribeThingGroupCommand({ thingGroupName: 'room' }));
    expect(room).toMatchObject({ thingGroupMetadata: { parentGroupName: 'floor' } });
    expect(names(room.thingGroupMetadata?.rootToParentThingGroups)).toEqual(['floor', 'house']);
    const list = async (input: iot.ListThingGroupsCommandInput) =>
      names((await things.send(new iot.ListThingGroupsCommand(input))).thingGroups);
    expect(await list({})).toEqual(['floor', 'house', 'room']);
    expect(await list({ recursive: false })).toEqual(['house']);
    expect(await list({ parentGroup: 'house' })).toEqual(['floor']);
    expect(await list({ parentGroup: 'house', recursive: true })).toEqual(['floor', 'room']);
    expect(await list({ namePrefixFilter: 'fl' })).toEqual(['floor']);

    const thingName = 'in-room';
    await things.send(new iot.CreateThingCommand({ thingName }));
    const { thingGroupArn } = room;
    await things.send(new iot.AddThingToThingGroupCommand({ thingName, thingGroupArn }));
    const members = async (thingGroupName: string, recursive?: boolean) => {
      const command = new iot.ListThingsInThingGroupCommand({ thingGroupName, recursive });
      return (await things.send(command)).things;
    };
    expect(await members('room')).toEqual([thingName]);
    expect(await members('house')).toEqual([]);
    expect(await members('house', true)).toEqual([thingName]);
    const groupsOf = async () =>
      names((await things.send(new iot.ListThingGroupsForThingCommand({ thingName }))).thingGroups);
    expect(await groupsOf()).toEqual(['room']);
    const remove = (thingGroupName: string) =>
      things.send(new iot.DeleteThingGroupCommand({ thingGroupName }));
    await expect(remove('house')).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await remove('room');
    await remove('room');
    expect(await groupsOf()).toEqual([]);
    await expect(
      things.send(new iot.AddThingToThingGroupCommand({ thingName, thingGroupArn })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    await expect(
      things.send(new iot.AddThingToThingGroupCommand({ thingName })),
    ).rejects.toBeInstanceOf(iot.InvalidRequestException);
  });

  it('apply their policies to their things', async () => {
    const thingName = 'grouped';
    const roleAlias = 'grouped-alias';
    const { certificateArn, certificatePem, privateKey } = await createCertificate();
    const roleArn = `arn:aws:iam::${accountId}:role/grouped-role`;
    await createRole('grouped-role');
    await things.send(new iot.CreateRoleAliasCommand({ roleAlias, roleArn }));
    await things.send(new iot.CreateThingCommand({ thingName }));
    await things.send(
      new iot.AttachThingPrincipalCommand({ thingName, principal: certificateArn }),
    );
    const above = (await create('above')).thingGroupArn ?? '';
    await create('below', 'above');
    const allow = allowAlias(`arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`);
    const attach = async (policyName: string, policyDocument: string, target: string) => {
      await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
      await things.send(new iot.AttachPolicyCommand({ policyName, target }));
    };
    await attach('group-allow', allow, above);
    const whoIs = () =>
      whoIsThing(emulator, {
        ...{ thingName, roleAlias, privateKey, certificate: certificatePem },
        endpoint: emulator.credentialsEndpoint,
      });
    const denied = { code: 'ERR_ACCESS_DENIED' };
    await expect(whoIs()).rejects.toMatchObject(denied);
    const membership = { thingName, thingGroupName: 'below' };
    await things.send(new iot.AddThingToThingGroupCommand(membership));
    expect(await whoIs()).toContain('assumed-role/grouped-role/');
    await attach('group-deny', allow.replace('Allow', 'Deny'), certificateArn);
    await expect(whoIs()).rejects.toMatchObject(denied);
    await things.send(
      new iot.DetachPolicyCommand({ policyName: 'group-deny', target: certificateArn }),
    );
    expect(await whoIs()).toContain('assumed-role/grouped-role/');
    await things.send(new iot.RemoveThingFromThingGroupCommand(membership));
    await expect(whoIs()).rejects.toMatchObject(denied);

    const attached = async (recursive: boolean) => {
      const target = above.replace('above', 'below');
      const command = new iot.ListAttachedPoliciesCommand({ target, recursive });
      return (await things.send(command)).policies?.map(({ policyName }) => policyName);
    };
    expect(await attached(false)).toEqual([]);
    expect(await attached(true)).toEqual(['group-allow']);
    const targets = new iot.ListTargetsForPolicyCommand({ policyName: 'group-allow' });
    expect((await things.send(targets)).targets).toEqual([above]);
    await expect(
      things.send(new iot.DeletePolicyCommand({ policyName: 'group-allow' })),
    ).rejects.toBeInstanceOf(iot.DeleteConflictException);
  });
});
