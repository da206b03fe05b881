import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';

const emulator = await startEmulator({ clock: { now: () => 1_800_000_000_000 } });
afterAll(() => emulator.close());
const { iot } = emulator;
const { certificateArn: principal, roleArn } = await emulator.seed({
  thingName: 'seeded',
  roleAlias: 'seeded',
  keyType: 'EC-P256',
});
const policyDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' },
});
iot.createThingGroup({ thingGroupName: 'group' });

interface List {
  readonly add: (name: string) => unknown;
  readonly remove: (name: string) => unknown;
  /** Changes what has no influence on the order. */
  readonly change?: (name: string) => unknown;
  readonly list: () => readonly string[];
  readonly isByCreation?: boolean;
}

// Digits: an object has them in an order of its own.
const NAMES = ['10', '9', 'a', 'B', 'aa', '_', '-1', 'a:b', 'z'];
for (const thingName of NAMES) iot.createThing({ thingName: `member${thingName}` });
const member = (name: string) => ({
  thingName: `member${name}`,
  thingGroupName: 'group',
  principal,
});
const withoutPrefix = (names: readonly string[], prefix: string) =>
  names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));

const lists: Readonly<Record<string, List>> = {
  things: {
    add: (name) => iot.createThing({ thingName: `thing${name}` }),
    remove: (name) => iot.deleteThing({ thingName: `thing${name}` }),
    change: (name) => iot.updateThing({ thingName: `thing${name}`, attributes: { a: 'b' } }),
    list: () => withoutPrefix(iot.listThings(), 'thing'),
  },
  'things in a group': {
    add: (name) => iot.addThingToThingGroup(member(name)),
    remove: (name) => iot.removeThingFromThingGroup(member(name)),
    list: () => withoutPrefix(iot.listThingsInThingGroup({ thingGroupName: 'group' }), 'member'),
  },
  'things of a certificate': {
    add: (name) => iot.attachThingPrincipal(member(name)),
    remove: (name) => iot.detachThingPrincipal(member(name)),
    list: () => withoutPrefix(iot.listPrincipalThings({ principal }), 'member'),
  },
  policies: {
    add: (name) => iot.createPolicy({ policyName: `p${name.replace(':', '.')}`, policyDocument }),
    remove: (name) => iot.deletePolicy({ policyName: `p${name.replace(':', '.')}` }),
    list: () =>
      withoutPrefix(iot.listPolicies({ ascendingOrder: true }), 'p').map((name) =>
        name.replace('.', ':'),
      ),
    isByCreation: true,
  },
  'role aliases': {
    add: (name) => iot.createRoleAlias({ roleAlias: `alias${name.replace(':', '@')}`, roleArn }),
    remove: (name) => iot.deleteRoleAlias({ roleAlias: `alias${name.replace(':', '@')}` }),
    list: () => withoutPrefix(iot.listRoleAliases(), 'alias').map((name) => name.replace('@', ':')),
  },
};

it.each(Object.entries(lists))('%s are in order after any changes', (_name, list) => {
  const { add, remove, change, isByCreation = false } = list;
  const steps = fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.boolean()), { maxLength: 30 });
  const property = fc.property(steps, (all) => {
    const expected: string[] = [];
    for (const [name, isChanged] of all) {
      const index = expected.indexOf(name);
      if (index < 0) {
        add(name);
        expected.push(name);
      } else if (isChanged && change !== undefined) {
        change(name);
      } else {
        remove(name);
        expected.splice(index, 1);
      }
      expect(list.list()).toEqual(isByCreation ? expected : [...expected].sort());
    }
    expected.forEach(remove);
    expect(list.list()).toEqual([]);
  });
  fc.assert(property, { numRuns: 30 });
});

it('a list does not change, whatever is done with it, or afterwards', () => {
  const names = iot.listThings();
  const before = [...names];
  expect(() => (names as string[]).pop()).toThrow(TypeError);
  iot.createThing({ thingName: '0' });
  expect(names).toEqual(before);
  expect(iot.listThings()).toEqual(['0', ...before]);
  const newestFirst = iot.listPolicies();
  expect(newestFirst).toEqual([...iot.listPolicies({ ascendingOrder: true })].reverse());
});

it('things of a type or with an attribute are listed as after any changes', () => {
  for (const thingTypeName of ['one', 'two']) iot.createThingType({ thingTypeName });
  const values = ['', 'x', 'xy', 'z'];
  // More than are kept in order.
  const conditions = [
    { thingTypeName: 'one' },
    { thingTypeName: 'two' },
    ...['a', 'b'].flatMap((attributeName) =>
      values.flatMap((attributeValue) => [
        { attributeName, attributeValue },
        { attributeName, attributeValue, usePrefixAttributeValue: true },
      ]),
    ),
  ];
  type Condition = Partial<(typeof conditions)[number]> & {
    attributeName?: string;
    attributeValue?: string;
    usePrefixAttributeValue?: boolean;
  };
  const meets = (thingName: string, wanted: Condition) => {
    const { thingTypeName, attributes } = iot.describeThing({ thingName });
    const { attributeName = '', attributeValue = '', usePrefixAttributeValue } = wanted;
    if ('thingTypeName' in wanted) return thingTypeName === wanted.thingTypeName;
    const value = attributes[attributeName];
    return usePrefixAttributeValue
      ? value?.startsWith(attributeValue) === true
      : value === attributeValue;
  };
  const change = fc.record({
    thingName: fc.constantFrom(...NAMES.map((name) => `filtered${name}`)),
    thingTypeName: fc.constantFrom(undefined, 'one', 'two'),
    attributes: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(...values)),
    isDeleted: fc.boolean(),
    asked: fc.constantFrom(...conditions),
  });
  const property = fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
    for (const { thingName, thingTypeName, attributes, isDeleted, asked } of changes) {
      const exists = iot.listThings().includes(thingName);
      if (isDeleted) iot.deleteThing({ thingName });
      else if (exists) iot.updateThing({ thingName, thingTypeName, attributes });
      else iot.createThing({ thingName, thingTypeName, attributes });
      const expected = iot.listThings().filter((name) => meets(name, asked));
      expect(iot.listThings(asked)).toEqual(expected);
    }
  });
  fc.assert(property);
});
