import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, accountId } = emulator;
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('things', () => {
  it('can be created again with the same properties, but not with others', async () => {
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'kind' }));
    const thing = { thingName: 'twice', thingTypeName: 'kind' };
    const one = await things.send(new iot.CreateThingCommand(thing));
    expect(await things.send(new iot.CreateThingCommand(thing))).toMatchObject({
      thingId: one.thingId,
      thingArn: `arn:aws:iot:${region}:${accountId}:thing/twice`,
    });
    await expect(
      things.send(new iot.CreateThingCommand({ thingName: 'twice' })),
    ).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
    await expect(
      things.send(new iot.CreateThingCommand({ thingName: 'x', thingTypeName: 'none' })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    expect(
      await things.send(new iot.DescribeThingTypeCommand({ thingTypeName: 'kind' })),
    ).toMatchObject({ thingTypeName: 'kind', thingTypeMetadata: { deprecated: false } });
  });

  it('are listed page by page', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
    for (const thingName of names) await things.send(new iot.CreateThingCommand({ thingName }));
    const seen: (string | undefined)[] = [];
    const pages = iot.paginateListThings({ client: things, pageSize: 2 }, {});
    for await (const page of pages) {
      expect(page.things?.length).toBeLessThanOrEqual(2);
      seen.push(...(page.things ?? []).map(({ thingName }) => thingName));
    }
    expect(seen).toEqual(expect.arrayContaining(names));
    expect(new Set(seen).size).toBe(seen.length);
    await expect(
      things.send(new iot.ListThingsCommand({ maxResults: 251 })),
    ).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await things.send(new iot.DeleteThingCommand({ thingName: 'page-0' }));
    await things.send(new iot.DeleteThingCommand({ thingName: 'page-0' }));
    await expect(
      things.send(new iot.DescribeThingCommand({ thingName: 'page-0' })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });
});

describe('things that change', () => {
  const thingName = 'changing';
  const describeThing = () => things.send(new iot.DescribeThingCommand({ thingName }));

  it('count their versions, and merge or replace attributes', async () => {
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'lamp' }));
    const attributePayload = { attributes: { colour: 'red', size: '1' } };
    await things.send(new iot.CreateThingCommand({ thingName, attributePayload }));
    const update = (input: Partial<iot.UpdateThingCommandInput>) =>
      things.send(new iot.UpdateThingCommand({ thingName, ...input }));
    await update({ attributePayload: { attributes: { size: '', age: '2' }, merge: true } });
    expect(await describeThing()).toMatchObject({
      version: 2,
      attributes: { colour: 'red', age: '2' },
    });
    await update({ attributePayload: { attributes: { age: '3' } }, thingTypeName: 'lamp' });
    const changed = await describeThing();
    expect(changed).toMatchObject({ version: 3, thingTypeName: 'lamp' });
    expect(changed.attributes).toEqual({ age: '3' });
    await expect(update({ expectedVersion: 2 })).rejects.toBeInstanceOf(
      iot.VersionConflictException,
    );
    await update({ removeThingType: true, expectedVersion: 3 });
    expect(await describeThing()).not.toHaveProperty('thingTypeName');
    await expect(update({ thingTypeName: 'none' })).rejects.toBeInstanceOf(
      iot.ResourceNotFoundException,
    );
    expect(await describeThing()).toMatchObject({ version: 4, attributes: { age: '3' } });
  });
});
