import * as iot from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias } from '../../support/session.ts';

const emulator = await startEmulator();
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('the version of a thing', () => {
  const thingName = 'thing';
  const describeThing = () => things.send(new iot.DescribeThingCommand({ thingName }));
  beforeAll(() => things.send(new iot.CreateThingCommand({ thingName })));

  it.each([0, 2, 7])('is expected: %i is refused, and nothing changes', async (expectedVersion) => {
    const conflict = {
      name: 'VersionConflictException',
      message: 'The version for thing thing does not match the expected version.',
      $metadata: { httpStatusCode: 409 },
    };
    const attributePayload = { attributes: { a: 'b' } };
    const update = { thingName, expectedVersion, attributePayload };
    await expect(things.send(new iot.UpdateThingCommand(update))).rejects.toMatchObject(conflict);
    const remove = new iot.DeleteThingCommand({ thingName, expectedVersion });
    await expect(things.send(remove)).rejects.toMatchObject(conflict);
    expect(await describeThing()).toMatchObject({ version: 1, attributes: {} });
  });

  it('counts its changes, and is expected', async () => {
    const update = (expectedVersion: number) =>
      things.send(new iot.UpdateThingCommand({ thingName, expectedVersion }));
    await update(1);
    await update(2);
    expect((await describeThing()).version).toBe(3);
    await things.send(new iot.DeleteThingCommand({ thingName, expectedVersion: 3 }));
    await expect(describeThing()).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    // A thing that does not exist is deleted, whatever its version.
    await things.send(new iot.DeleteThingCommand({ thingName, expectedVersion: 3 }));
  });
});

describe('the version of a thing group', () => {
  const thingGroupName = 'group';
  const describeGroup = () => things.send(new iot.DescribeThingGroupCommand({ thingGroupName }));
  const thingGroupProperties = { thingGroupDescription: 'changed' };
  beforeAll(() => things.send(new iot.CreateThingGroupCommand({ thingGroupName })));

  it.each([0, 2, 7])('is expected: %i is refused, and nothing changes', async (expectedVersion) => {
    const conflict = {
      name: 'VersionConflictException',
      message: 'The version for thing group group does not match the expected version.',
      $metadata: { httpStatusCode: 409 },
    };
    const update = { thingGroupName, expectedVersion, thingGroupProperties };
    await expect(things.send(new iot.UpdateThingGroupCommand(update))).rejects.toMatchObject(
      conflict,
    );
    const remove = new iot.DeleteThingGroupCommand({ thingGroupName, expectedVersion });
    await expect(things.send(remove)).rejects.toMatchObject(conflict);
    const group = await describeGroup();
    expect(group.version).toBe(1);
    expect(group.thingGroupProperties?.thingGroupDescription).toBeUndefined();
  });

  it('counts its changes, and is expected', async () => {
    const update = (
      expectedVersion: number,
      attributes: Record<string, string>,
      merge?: boolean,
    ) => {
      const properties = { ...thingGroupProperties, attributePayload: { attributes, merge } };
      const input = { thingGroupName, expectedVersion, thingGroupProperties: properties };
      return things.send(new iot.UpdateThingGroupCommand(input));
    };
    expect(await update(1, { a: '1', b: '2' })).toMatchObject({ version: 2 });
    expect(await update(2, { b: '', c: '3' }, true)).toMatchObject({ version: 3 });
    expect(await describeGroup()).toMatchObject({
      version: 3,
      thingGroupProperties: {
        thingGroupDescription: 'changed',
        attributePayload: { attributes: { a: '1', c: '3' } },
      },
    });
    await things.send(new iot.DeleteThingGroupCommand({ thingGroupName, expectedVersion: 3 }));
    await expect(describeGroup()).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
  });
});

describe('the versions of a policy', () => {
  it('count on after the newest was deleted', async () => {
    const policyName = 'policy';
    const policyDocument = allowAlias('*');
    const make = async () =>
      (await things.send(new iot.CreatePolicyVersionCommand({ policyName, policyDocument })))
        .policyVersionId;
    await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
    expect(await make()).toBe('2');
    expect(await make()).toBe('3');
    for (const policyVersionId of ['3', '2']) {
      await things.send(new iot.DeletePolicyVersionCommand({ policyName, policyVersionId }));
    }
    expect(await make()).toBe('4');
    const { policyVersions } = await things.send(new iot.ListPolicyVersionsCommand({ policyName }));
    expect(policyVersions?.map(({ versionId }) => versionId)).toEqual(['1', '4']);
  });
});
