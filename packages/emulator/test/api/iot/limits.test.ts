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

/** So many attributes. */
function some(count: number): { attributes: Record<string, string> } {
  const names = Array.from({ length: count }, (_, index) => `a${index}`);
  return { attributes: Object.fromEntries(names.map((name) => [name, 'x'])) };
}

const refused = (message: string) => ({
  name: 'InvalidRequestException',
  message,
  $metadata: { httpStatusCode: 400 },
});

await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'kind' }));

describe('attributes', () => {
  const WITHOUT = 'Only 3 attributes are allowed for a thing without a thing type.';
  const WITH = 'Only 50 attributes are allowed for a thing with a thing type.';

  it.each([
    ['3 without a type', 3, undefined, undefined],
    ['4 without a type', 4, undefined, WITHOUT],
    ['50 with a type', 50, 'kind', undefined],
    ['51 with a type', 51, 'kind', WITH],
  ])('%s', async (name, count, thingTypeName, message) => {
    const thingName = name.replaceAll(' ', '-');
    const attributePayload = some(count);
    const create = () =>
      things.send(new iot.CreateThingCommand({ thingName, thingTypeName, attributePayload }));
    const thing = () => things.send(new iot.DescribeThingCommand({ thingName }));
    if (message === undefined) {
      await create();
      expect((await thing()).attributes).toEqual(attributePayload.attributes);
    } else {
      await expect(create()).rejects.toMatchObject(refused(message));
      await expect(thing()).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    }
  });

  it('are counted after a change of the thing', async () => {
    const thingName = 'changed';
    const update = (input: Partial<iot.UpdateThingCommandInput>) =>
      things.send(new iot.UpdateThingCommand({ thingName, ...input }));
    await things.send(new iot.CreateThingCommand({ thingName, attributePayload: some(3) }));
    const more = { attributePayload: { attributes: { more: 'x' }, merge: true } };
    await expect(update(more)).rejects.toMatchObject(refused(WITHOUT));
    await update({ ...more, thingTypeName: 'kind' });
    await expect(update({ removeThingType: true })).rejects.toMatchObject(refused(WITHOUT));
    await update({ attributePayload: { attributes: { more: '' }, merge: true } });
    await update({ removeThingType: true });
    await update({ attributePayload: { attributes: { a0: '', more: 'x' }, merge: true } });
    const { attributes, thingTypeName } = await things.send(
      new iot.DescribeThingCommand({ thingName }),
    );
    expect(attributes).toEqual({ a1: 'x', a2: 'x', more: 'x' });
    expect(thingTypeName).toBeUndefined();
  });

  it.each([
    ['a name with a space', { 'a b': 'x' }],
    ['an empty name', { '': 'x' }],
    ['a name of 129 characters', { ['a'.repeat(129)]: 'x' }],
    ['a value with a space', { a: 'x y' }],
    ['a value of 801 characters', { a: 'x'.repeat(801) }],
  ])('%s is refused', async (_name, attributes) => {
    const command = new iot.CreateThingCommand({
      thingName: 'bad',
      attributePayload: { attributes },
    });
    await expect(things.send(command)).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringContaining('failed to satisfy constraint'),
    });
  });

  it('may have each character of the pattern', async () => {
    const attributes = {
      'aZ09_.,@/:#-': 'aZ09_.,@/:#=[]-',
      [`a${'b'.repeat(127)}`]: 'x'.repeat(800),
    };
    const thingName = 'pattern';
    await things.send(new iot.CreateThingCommand({ thingName, attributePayload: { attributes } }));
    const thing = await things.send(new iot.DescribeThingCommand({ thingName }));
    expect(thing.attributes).toEqual(attributes);
  });

  it.each([
    [50, undefined],
    [51, 'Only 50 attributes are allowed for a thing group.'],
  ])('of a group: %i', async (count, message) => {
    const created = things.send(
      new iot.CreateThingGroupCommand({
        thingGroupName: `group-${count}`,
        thingGroupProperties: { attributePayload: some(count) },
      }),
    );
    await (message === undefined
      ? created
      : expect(created).rejects.toMatchObject(refused(message)));
  });
});

describe('searchable attributes', () => {
  const create = (thingTypeName: string, searchableAttributes: string[]) =>
    things.send(
      new iot.CreateThingTypeCommand({
        thingTypeName,
        thingTypeProperties: { searchableAttributes },
      }),
    );

  it('are kept, up to three', async () => {
    const searchableAttributes = ['one', 'aZ09_.,@/:#-', 'a'.repeat(128)];
    await create('searchable', searchableAttributes);
    expect(
      await things.send(new iot.DescribeThingTypeCommand({ thingTypeName: 'searchable' })),
    ).toMatchObject({ thingTypeProperties: { searchableAttributes } });
  });

  it.each([
    ['four', ['a', 'b', 'c', 'd'], /^Only three searchable attributes are allowed/],
    ['one with a space', ['a b'], /failed to satisfy constraint/],
    ['one of 129 characters', ['a'.repeat(129)], /failed to satisfy constraint/],
  ])('are not %s', async (_name, names, message) => {
    await expect(create('unsearchable', names)).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringMatching(message),
    });
    await expect(
      things.send(new iot.DescribeThingTypeCommand({ thingTypeName: 'unsearchable' })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
  });
});

describe('a thing', () => {
  const group = (thingGroupName: string, parentGroupName?: string) =>
    things.send(new iot.CreateThingGroupCommand({ thingGroupName, parentGroupName }));
  const add = (thingName: string, thingGroupName: string) =>
    things.send(new iot.AddThingToThingGroupCommand({ thingName, thingGroupName }));
  const groupsOf = async (thingName: string) =>
    (await things.send(new iot.ListThingGroupsForThingCommand({ thingName }))).thingGroups?.map(
      ({ groupName }) => groupName,
    );

  it('is in at most ten groups', async () => {
    const thingName = 'popular';
    await things.send(new iot.CreateThingCommand({ thingName }));
    const names = Array.from({ length: 11 }, (_, index) => `popular-${index}`);
    for (const name of names) await group(name);
    for (const name of names.slice(0, 10)) await add(thingName, name);
    await expect(add(thingName, 'popular-10')).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await add(thingName, 'popular-0');
    expect(await groupsOf(thingName)).toHaveLength(10);
    const thingGroupName = 'popular-3';
    await things.send(new iot.RemoveThingFromThingGroupCommand({ thingName, thingGroupName }));
    await add(thingName, 'popular-10');
  });

  it('is in one group of a hierarchy', async () => {
    const thingName = 'placed';
    await things.send(new iot.CreateThingCommand({ thingName }));
    await group('house');
    await group('kitchen', 'house');
    await group('cellar', 'house');
    await group('shelf', 'cellar');
    await group('garden');
    await add(thingName, 'cellar');
    for (const name of ['house', 'kitchen', 'shelf']) {
      await expect(add(thingName, name)).rejects.toMatchObject(
        refused(
          `Thing placed is already in thing group cellar, which is in the same hierarchy as ${name}`,
        ),
      );
    }
    await add(thingName, 'garden');
    expect(await groupsOf(thingName)).toEqual(['cellar', 'garden']);
  });
});

describe('a group', () => {
  const group = (thingGroupName: string, parentGroupName?: string) =>
    things.send(new iot.CreateThingGroupCommand({ thingGroupName, parentGroupName }));

  it('is in a hierarchy of at most seven levels', async () => {
    await group('level-1');
    for (let level = 2; level <= 7; level += 1) await group(`level-${level}`, `level-${level - 1}`);
    await expect(group('level-8', 'level-7')).rejects.toBeInstanceOf(iot.InvalidRequestException);
  });

  it('has at most a hundred groups directly below it', async () => {
    await group('parent');
    for (let index = 0; index < 100; index += 1) {
      emulator.iot.createThingGroup({
        thingGroupName: `child-${index}`,
        parentGroupName: 'parent',
      });
    }
    await expect(group('child', 'parent')).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await group('grandchild', 'child-0');
  });
});

describe('a list of things', () => {
  const list = (input: iot.ListThingsCommandInput) => things.send(new iot.ListThingsCommand(input));

  it('is by type or by attribute', async () => {
    const attributePayload = { attributes: { colour: 'blue' } };
    for (const [thingName, thingTypeName] of [['listed-1', 'kind'], ['listed-2']] as const) {
      await things.send(new iot.CreateThingCommand({ thingName, thingTypeName, attributePayload }));
    }
    const names = async (input: iot.ListThingsCommandInput) =>
      (await list(input)).things?.map(({ thingName }) => thingName);
    const blue = { attributeName: 'colour', attributeValue: 'blue' };
    expect(await names(blue)).toEqual(['listed-1', 'listed-2']);
    expect(await names({ ...blue, attributeValue: 'bl', usePrefixAttributeValue: true })).toEqual([
      'listed-1',
      'listed-2',
    ]);
    expect(await names({ thingTypeName: 'kind' })).toContain('listed-1');
    await expect(list({ ...blue, thingTypeName: 'kind' })).rejects.toMatchObject(
      refused('Listing things by the combination of attribute and thing type is not supported'),
    );
  });

  it.each([{ attributeValue: 'x' }, { usePrefixAttributeValue: true }])(
    'is not by %o alone',
    async (input) => {
      await expect(list(input)).rejects.toBeInstanceOf(iot.InvalidRequestException);
    },
  );
});
